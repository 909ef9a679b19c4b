"""What an operator must be like for a file to be allowed to name it: the rules by which the list was made."""

from typing import Any

PLAIN = {
    "Device", "List[Optional[Tensor]]", "List[Tensor]", "List[bool]", "List[float]", "List[int]", "List[number]",
    "Tensor", "bool", "float", "int", "number", "str",
}  # fmt: skip
INTERNAL = {
    "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "_addmm_activation", "_cdist_forward", "_conj", "_conj_copy",
    "_conj_physical", "_cummax_helper", "_embedding_bag", "_embedding_bag_forward_only", "_euclidean_dist",
    "_fft_c2c", "_fft_c2r", "_fft_r2c", "_linalg_det", "_linalg_eigh", "_linalg_eigvals", "_linalg_slogdet",
    "_linalg_solve_ex", "_linalg_svd", "_log_softmax", "_logcumsumexp", "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training", "_neg_view", "_neg_view_copy", "_pack_padded_sequence", "_pad_circular",
    "_pad_enum", "_pad_packed_sequence", "_pdist_forward", "_prelu_kernel", "_reshape_copy", "_safe_softmax",
    "_scaled_dot_product_attention_math", "_scaled_dot_product_flash_attention_for_cpu", "_softmax", "_stack",
    "_to_copy", "_trilinear", "_unique2", "_unsafe_view", "_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa",
    "_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d", "_weight_norm",
    "_weight_norm_interface",
}  # fmt: skip
"""Internal operators that captures of ordinary models contain."""
REVIEWED_OUT = {
    "batch_norm_elemt", "batch_norm_gather_stats", "batch_norm_gather_stats_with_counts", "batch_norm_stats",
    "batch_norm_update_stats", "ccol_indices", "ccol_indices_copy", "chalf", "choose_qparams_optimized", "col_indices",
    "col_indices_copy", "conv_depthwise3d", "convolution_overrideable", "crow_indices", "crow_indices_copy",
    "embedding_renorm", "flatten_dense_tensors", "hspmm", "indices", "indices_copy", "int_repr", "lift",
    "linalg__powsum", "native_batch_norm", "row_indices", "row_indices_copy", "segment_reduce", "set", "smm",
    "sspaddmm", "to_padded_tensor", "unflatten_dense_tensors", "values", "values_copy",
}  # fmt: skip
"""Operators that pass the rules and were still left out: sparse, quantized, CUDA only, or writing without saying so."""
FOREIGN = (
    "_test", "autocast", "backward", "coalesce", "cuda", "cudnn", "data", "empty", "fake_quant", "fbgemm", "file",
    "foreach", "fused", "histogramdd", "is_pinned", "jagged", "jvp", "miopen", "mkldnn", "mps", "nested", "nnapi",
    "per_channel", "per_tensor", "pin_memory", "q_", "qint", "quantize", "record_stream", "requires_grad", "resize",
    "rand", "rename", "set_", "sobol", "sparse", "storage", "sym_", "to_dense", "to_mkldnn", "unsafe_index",
    "unsafe_masked", "vulkan", "xla",
)  # fmt: skip


def complaint(name: str, schema: Any) -> str:
    """Why a file may not name an operator; nothing where it may."""
    packet = name.split(".")[1]
    reasons = {
        "is not one of torch's own operators": not name.startswith("aten."),
        "writes to its arguments": schema.is_mutable
        or any(item.alias_info and item.alias_info.is_write for item in schema.arguments),
        "is internal to torch, or was left out by name": packet in REVIEWED_OUT
        or (packet.startswith("_") and packet not in INTERNAL),
        "belongs to another backend, to storage, to randomness or to training": any(part in packet for part in FOREIGN),
        "takes an argument that a file cannot hold": not all(is_plain(item.type) for item in schema.arguments),
        "gives something else than tensors": not gives_tensors(schema),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def gives_tensors(schema: Any) -> bool:
    """Whether everything that an operator returns is a tensor, and there is something."""
    return bool(schema.returns) and all(str(item.type) in {"Tensor", "List[Tensor]"} for item in schema.returns)


def is_plain(kind: Any) -> bool:
    """Whether a file can hold an argument of a type."""
    text = str(kind)
    return (text.removeprefix("Optional[")[:-1] if text.startswith("Optional[") else text) in PLAIN
