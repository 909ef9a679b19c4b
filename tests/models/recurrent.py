"""Recurrent models: each layer as one node, its options, its state going in and coming out."""

import torch
from torch import Tensor, nn

from tests.models.case import BATCH, Case, integers, normal

State = tuple[Tensor, Tensor]


class SequenceClassifier(nn.Module):
    """Tokens, an embedding, an LSTM, and a head on its last step alone."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 8, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        steps, _ = self.lstm(self.embedding(tokens))
        return self.head(steps[:, -1])


class StackedLSTM(nn.Module):
    """Two bidirectional layers with dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 5, num_layers=2, bidirectional=True, dropout=0.5, batch_first=True)
        self.head = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0].mean(dim=1))


class StatefulLSTM(nn.Module):
    """An LSTM whose state comes from the caller and goes back to it, as streaming needs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 5, num_layers=2, batch_first=True)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.lstm(x, state)


class LearnedState(nn.Module):
    """A GRU that starts from a state that is trained, expanded to the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(1, 1, 5))
        self.gru = nn.GRU(6, 5, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x, self.start.expand(-1, x.shape[0], -1).contiguous())[1].squeeze(0)


class EncoderDecoder(nn.Module):
    """One GRU's final state starts another's."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(6, 5, batch_first=True)
        self.decoder = nn.GRU(4, 5, batch_first=True)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        _, state = self.encoder(source)
        return self.decoder(target, state)[0]


class Cells(nn.Module):
    """Cells called step by step, so that the loop unrolls and its tensors are shared by the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(6, 5)
        self.gru = nn.GRUCell(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden, memory = x.new_zeros(x.shape[0], 5), x.new_zeros(x.shape[0], 5)
        output = x.new_zeros(x.shape[0], 4)
        for step in x.unbind(1):
            hidden, memory = self.lstm(step, (hidden, memory))
            output = self.gru(hidden, output)
        return output


STEPS_FIRST = {"input": (1,)}
"""The batch is the second axis where the first one counts steps."""

SEQUENCE = normal((BATCH, 7, 6))
TRANSPOSED = normal((7, BATCH, 6))


def state(generator: torch.Generator) -> tuple[Tensor, State]:
    """Draw a sequence and the state before it."""
    x, hidden, memory = normal((BATCH, 7, 6), (2, BATCH, 5), (2, BATCH, 5))(generator)
    return x, (hidden, memory)


CASES = (
    Case("sequence_classifier", SequenceClassifier, integers((BATCH, 7))),
    Case("lstm_steps_first", lambda: nn.LSTM(6, 5), TRANSPOSED, dynamic=STEPS_FIRST),
    Case("lstm_batch_first", lambda: nn.LSTM(6, 5, batch_first=True, bias=False), SEQUENCE),
    Case(
        "lstm_stacked",
        StackedLSTM,
        SEQUENCE,
        notes="the dropout between the layers is train-only, and rebuilt",
    ),
    Case("lstm_projected", lambda: nn.LSTM(6, 5, proj_size=3, batch_first=True), SEQUENCE),
    Case(
        "lstm_stateful",
        StatefulLSTM,
        state,
        dynamic={"x": (0,), "state": (1,)},
        notes="the batch is axis 0 of the sequence and axis 1 of the state",
    ),
    Case("gru_batch_first", lambda: nn.GRU(6, 5, batch_first=True), SEQUENCE),
    Case(
        "gru_stacked",
        lambda: nn.GRU(6, 5, 2, bidirectional=True, dropout=0.25),
        TRANSPOSED,
        dynamic=STEPS_FIRST,
    ),
    Case("gru_learned_state", LearnedState, SEQUENCE),
    Case("gru_encoder_decoder", EncoderDecoder, normal((BATCH, 7, 6), (BATCH, 5, 4))),
    Case("rnn_relu", lambda: nn.RNN(6, 5, nonlinearity="relu", batch_first=True), SEQUENCE),
    Case("recurrent_cells", Cells, normal((BATCH, 4, 6))),
)
