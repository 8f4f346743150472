"""Writes a checkpoint as GGUF: python3 export.py --checkpoint FILE --tokenizer FILE --out FILE
[--type Q8_0|F32]

Tensors go by the names weft reads, matrices in the type, norms in F32. Nothing is permuted:
model.py computes in the file's order already.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import numpy as np
import torch

from model import Shape
from sampling import RECOMMENDED
from tokenizer import CHAT_TEMPLATE, Tokenizer

TYPES = {
    "F32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "Q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}
DESCRIPTION = (
    "Tells small tales and answers simple questions. Trained from nothing by the authors of weft on "
    "text written by the generator in tools/demo_model (seed 1); no other text, model or data was used."
)


def write_metadata(out: gguf.GGUFWriter, shape: Shape, parameters: int) -> None:
    out.add_name("weft-tales")
    out.add_author("the authors of weft")
    out.add_description(DESCRIPTION)
    out.add_license("Apache-2.0")
    out.add_size_label(f"{parameters / 1e6:.1f}M")
    out.add_context_length(shape.context)
    out.add_embedding_length(shape.width)
    out.add_block_count(shape.layers)
    out.add_feed_forward_length(shape.ffn)
    out.add_head_count(shape.heads)
    out.add_head_count_kv(shape.kv_heads)
    out.add_key_length(shape.head_dim)
    out.add_value_length(shape.head_dim)
    out.add_rope_dimension_count(shape.head_dim)
    out.add_rope_freq_base(shape.rope_base)
    out.add_layer_norm_rms_eps(shape.norm_eps)
    out.add_vocab_size(shape.vocab)
    out.add_float32("general.sampling.temp", RECOMMENDED["temperature"])
    out.add_float32("general.sampling.min_p", RECOMMENDED["min_p"])


def write_vocabulary(out: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    pieces = tokenizer.pieces
    ids = range(pieces.get_piece_size())

    def kind(at: int) -> gguf.TokenType:
        if pieces.is_unknown(at):
            return gguf.TokenType.UNKNOWN
        if pieces.is_control(at):
            return gguf.TokenType.CONTROL
        return gguf.TokenType.BYTE if pieces.is_byte(at) else gguf.TokenType.NORMAL

    out.add_tokenizer_model("llama")
    out.add_token_list([pieces.id_to_piece(at).encode() for at in ids])
    out.add_token_scores([pieces.get_score(at) for at in ids])
    out.add_token_types([kind(at) for at in ids])
    out.add_unk_token_id(pieces.unk_id())
    out.add_bos_token_id(tokenizer.bos)
    out.add_eos_token_id(tokenizer.eos)
    out.add_add_bos_token(True)
    out.add_add_eos_token(False)
    out.add_add_space_prefix(False)
    out.add_chat_template(CHAT_TEMPLATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--type", choices=TYPES, default="Q8_0")
    args = parser.parse_args()

    saved = torch.load(args.checkpoint, weights_only=True)
    shape, weights = Shape(**saved["shape"]), saved["model"]
    kind, file_type = TYPES[args.type]
    out = gguf.GGUFWriter(args.out, "llama")
    write_metadata(out, shape, sum(w.numel() for w in weights.values()))
    out.add_file_type(file_type)
    write_vocabulary(out, Tokenizer(args.tokenizer))
    for name, weight in weights.items():
        data = weight.float().numpy().astype(np.float32)
        if data.ndim == 1:
            out.add_tensor(name, data)
        else:
            out.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    print(f"{args.out}: {args.out.stat().st_size} bytes, {args.type}")


if __name__ == "__main__":
    main()
