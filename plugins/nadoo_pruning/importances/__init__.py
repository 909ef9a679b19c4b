"""How much channels matter: one file a kind of judgement."""
