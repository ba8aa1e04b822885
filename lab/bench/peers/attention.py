"""Times PyTorch's attention and performer-pytorch's for `performer bench attention`, which starts this program.

    python3 attention.py THREADS

First it prints which mechanisms there are: {"mechanisms": [...]}. Then, for each line of JSON that it reads,
{"run": NAME, "causal": BOOL, "pass": "forward" | "forward+backward", "seqLen": L, "numHeads": H, "headDim": D, "numFeatures": M},
it computes attention of one sequence once and answers {"ms": MILLISECONDS}. It ends with its input.
"""

import json
import sys
import time

# Answers alone go to standard output: performer-pytorch prints remarks of its own there.
answers = sys.stdout
sys.stdout = sys.stderr

import torch
from torch.nn.functional import scaled_dot_product_attention

try:
    from performer_pytorch import FastAttention
except ImportError:
    FastAttention = None

SDPA = "torch scaled_dot_product_attention"
PERFORMER = "performer-pytorch"


def answer(message):
    print(json.dumps(message), file=answers, flush=True)


def build(request):
    """The function to time: forward, or forward and backward."""
    heads, length, width = request["numHeads"], request["seqLen"], request["headDim"]
    backward = request["pass"] != "forward"
    generator = torch.Generator().manual_seed(1)
    q, k, v, grad = (torch.randn(1, heads, length, width, generator=generator) for _ in range(4))
    if backward:
        for tensor in (q, k, v):
            tensor.requires_grad_()
    if request["run"] == SDPA:
        attend = lambda: scaled_dot_product_attention(q, k, v, is_causal=request["causal"])
    else:
        performer = FastAttention(width, nb_features=request["numFeatures"], causal=request["causal"])
        attend = lambda: performer(q, k, v)

    def run():
        if not backward:
            with torch.no_grad():
                return attend()
        return torch.autograd.grad(attend(), (q, k, v), grad)

    return run


def main():
    torch.set_num_threads(int(sys.argv[1]))
    answer({"mechanisms": [SDPA] + ([PERFORMER] if FastAttention else [])})
    # What is asked for again and again is kept; of a new case, the tensors of the one before are not needed.
    case, built = None, {}
    for line in sys.stdin:
        request = json.loads(line)
        asked = {key: value for key, value in request.items() if key != "run"}
        if asked != case:
            case, built = asked, {}
        if request["run"] not in built:
            built[request["run"]] = build(request)
        started = time.perf_counter()
        built[request["run"]]()
        answer({"ms": 1000 * (time.perf_counter() - started)})


main()
