"""Writes the folders beside this file: tiny random models of every architecture, saved by transformers, with what they compute.

    python -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.23.0
    venv/bin/python make-golden.py .

All weights are drawn wide (standard deviation 0.4, norms around 1), so that a bias, a norm or an offset that is left out changes
every number. Each golden.json holds texts, their ids (padded at the end), the mask, and the float32 results of the original.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig, BertForMaskedLM, BertModel, DistilBertConfig, DistilBertForMaskedLM, EsmConfig, EsmForMaskedLM, EsmTokenizer,
    GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM,
)

OUT = Path(sys.argv[1])
TEXTS = ["a man is eating bread", "The woman eats!", "Café 😀 日本"]
PROTEINS = ["MKVLATGW", "ACDXE", "MK<mask>LA<mask>"]
HIDDEN = ["a man is [MASK] bread"]


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            is_norm = parameter.ndim == 1 and ("norm" in name.lower() or ".ln_" in name) and name.endswith("weight")
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.2 if is_norm else 0.4) + (1 if is_norm else 0))
    return model.eval()


def word_piece():
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] a man is the woman eat ##s ##ing bread ! . b c d e f ##a ##b ##c ##d ##e".split()
    tokenizer = Tokenizer(models.WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
                                   sep_token="[SEP]", mask_token="[MASK]", model_max_length=19)


def byte_pairs(specials, **names):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=256 + 12 + len(specials), special_tokens=specials, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    if "cls_token" in names:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=29, **names)


def save(name, model, tokenizer, texts, **how):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    dtype = how.pop("dtype", None)
    if dtype is not None:  # what the file keeps, computed with in float32
        model = model.to(dtype)
        model.save_pretrained(folder, **how)
        model = model.float()
    else:
        model.save_pretrained(folder, **how)
    tokenizer.save_pretrained(folder)
    ids = [tokenizer(text)["input_ids"] for text in texts]
    longest = max(map(len, ids))
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
    padded = torch.tensor([row + [pad] * (longest - len(row)) for row in ids])
    with torch.no_grad():
        result = model(input_ids=padded, attention_mask=mask, output_hidden_states=True)
    hidden = result.hidden_states[-1] if "logits" in result else result.last_hidden_state
    numbers = lambda tensor: [float(f"{value:.9g}") for value in tensor.flatten().tolist()]
    golden = {
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
        "texts": texts, "inputIds": ids, "shape": list(hidden.shape), "lastHiddenState": numbers(hidden),
    }
    if "logits" in result:  # at the first hidden token of each text that has one; of GPT-2 behind the last of each
        mask_id = tokenizer.mask_token_id
        places = [own.index(mask_id) if mask_id in own else None for own in ids]
        if mask_id is None:
            places = [len(own) - 1 for own in ids]
        golden |= {"logits": [
            {"row": row, "place": place, "values": numbers(result.logits[row, place])}
            for row, place in enumerate(places) if place is not None]}
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")


sizes = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=23)

pieces = word_piece()
bert = BertConfig(vocab_size=len(pieces), max_position_embeddings=19, pad_token_id=0, **sizes)
save("bert", randomise(BertModel(bert), 1), pieces, TEXTS)
save("bert-bf16-shards", randomise(BertForMaskedLM(bert), 2), pieces, TEXTS + HIDDEN, dtype=torch.bfloat16, max_shard_size="3KB")
save("distilbert", randomise(DistilBertForMaskedLM(DistilBertConfig(
    vocab_size=len(pieces), max_position_embeddings=19, dim=12, n_layers=2, n_heads=3, hidden_dim=23)), 3), pieces, TEXTS + HIDDEN,
    dtype=torch.float16)

pairs = byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], bos_token="<s>", eos_token="</s>", cls_token="<s>",
                   sep_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>")
save("roberta", randomise(RobertaForMaskedLM(RobertaConfig(
    vocab_size=len(pairs), max_position_embeddings=31, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1,
    layer_norm_eps=1e-5, **sizes)), 4), pairs, TEXTS + ["a man is<mask> bread"])

ends = byte_pairs(["<|endoftext|>"], bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>")
save("gpt2", randomise(GPT2LMHeadModel(GPT2Config(
    vocab_size=len(ends), n_positions=29, n_embd=12, n_layer=2, n_head=3, n_inner=23, bos_token_id=0, eos_token_id=0)), 5),
    ends, TEXTS)

# The tokens of ESM-2, in its order.
ESM = "<cls> <pad> <eos> <unk> L A G V S E R T I D P K Q N F Y M H W C X B U Z O . - <null_1> <mask>".split()
(OUT / "esm").mkdir(parents=True, exist_ok=True)
vocabulary = OUT / "esm" / "vocab.txt"
vocabulary.write_text("\n".join(ESM))
residues = EsmTokenizer(str(vocabulary))
save("esm", randomise(EsmForMaskedLM(EsmConfig(
    vocab_size=len(ESM), max_position_embeddings=1026, position_embedding_type="rotary", token_dropout=True,
    emb_layer_norm_before=False, mask_token_id=ESM.index("<mask>"), pad_token_id=1, is_folding_model=False, layer_norm_eps=1e-5,
    **sizes)), 6), residues, PROTEINS)
