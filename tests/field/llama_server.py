"""A real llama.cpp server with a model of a few hundred kilobytes, made here of random weights.

    python -m tests.field.llama_server FOLDER

It prints its address and serves until its standard input ends. The model says nonsense, deterministically, and never
ends an answer by itself unless a grammar does: it is the protocol that is real.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONTEXT = 16_384
_WIDTH, _HEADS, _HIDDEN, _LAYERS = 64, 4, 128, 1


def make_model(path: Path) -> None:
    """Write a model in llama's architecture, with a vocabulary of bytes and letters."""
    import gguf
    import numpy as np

    random = np.random.default_rng(7)
    special = [
        ("<unk>", gguf.TokenType.UNKNOWN),
        ("<s>", gguf.TokenType.CONTROL),
        ("</s>", gguf.TokenType.CONTROL),
    ]
    every_byte = [(f"<0x{byte:02X}>", gguf.TokenType.BYTE) for byte in range(256)]
    letters = [(letter, gguf.TokenType.NORMAL) for letter in "▁abcdefghijklmnopqrstuvwxyz"]
    tokens = [*special, *every_byte, *letters]
    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(_WIDTH)
    out.add_block_count(_LAYERS)
    out.add_feed_forward_length(_HIDDEN)
    out.add_head_count(_HEADS)
    out.add_head_count_kv(_HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(_WIDTH // _HEADS)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("llama")
    out.add_token_list([text for text, _ in tokens])
    out.add_token_scores([0.0] * len(tokens))
    out.add_token_types([int(kind) for _, kind in tokens])
    out.add_unk_token_id(0)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_chat_template(
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    )

    def add(name: str, *shape: int, scale: float = 0.2) -> None:
        weights = (random.standard_normal(shape) * scale).astype(np.float32)
        if name == "output.weight":
            # The end of an answer has no chance beside any other token; where a grammar allows nothing else, it comes.
            weights[2] = 0
        out.add_tensor(name, weights)

    add("token_embd.weight", len(tokens), _WIDTH)
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        out.add_tensor(f"{block}.attn_norm.weight", np.ones(_WIDTH, np.float32))
        out.add_tensor(f"{block}.ffn_norm.weight", np.ones(_WIDTH, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{block}.{name}.weight", _WIDTH, _WIDTH)
        add(f"{block}.ffn_gate.weight", _HIDDEN, _WIDTH)
        add(f"{block}.ffn_up.weight", _HIDDEN, _WIDTH)
        add(f"{block}.ffn_down.weight", _WIDTH, _HIDDEN)
    out.add_tensor("output_norm.weight", np.ones(_WIDTH, np.float32))
    add("output.weight", len(tokens), _WIDTH, scale=4.0)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    import xllamacpp

    model = folder / "tiny.gguf"
    make_model(model)
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx = CONTEXT
    params.n_parallel = 2
    params.port = 0
    params.warmup = False
    params.cpuparams.n_threads = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
