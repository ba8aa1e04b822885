"""Writes the folders vit and deit beside this file: tiny random models of images, saved by transformers, with what they compute.

    python -m venv venv && venv/bin/pip install torch==2.15.0 transformers==5.23.0 pillow==13.0.0 torchvision==0.29.2
    venv/bin/python make-golden-images.py .

Weights are drawn as in make-golden.py. Each golden.json holds, of every image, its intensities as Pillow resizes and the processor crops
them, the processor's pixel values, and the float32 results of the original.
"""

import json
import sys
from pathlib import Path

import numpy
import PIL
import torch
import torchvision
import transformers
from PIL import Image
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor, ViTModel

OUT = Path(sys.argv[1])
SIZES = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=23, image_size=12, patch_size=4)


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            is_norm = parameter.ndim == 1 and "norm" in name and name.endswith("weight")
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.2 if is_norm else 0.4) + (1 if is_norm else 0))
    return model.eval()


def picture(width, height, seed):
    """Waves of colour with some noise: what no resampling leaves as it is."""
    random = numpy.random.default_rng(seed)
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    waves = 128 + 90 * numpy.sin(x / (2 + c) + y / 3) + random.normal(0, 20, x.shape)
    return Image.fromarray(waves.clip(0, 255).astype(numpy.uint8))


def prepared(image, settings):
    """As the processor does it, by Pillow: the processor itself resizes by torchvision, whose intensities may differ by one."""
    size = settings["size"]
    small = image.resize((size["width"], size["height"]), resample=settings["resample"])
    if not settings.get("do_center_crop"):
        return small
    crop = settings["crop_size"]
    left, top = (size["width"] - crop["width"]) // 2, (size["height"] - crop["height"]) // 2
    return small.crop((left, top, left + crop["width"], top + crop["height"]))


def save(name, model, processor, images, settings):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    mean, deviation = numpy.array(settings["image_mean"]), numpy.array(settings["image_std"])
    numbers = lambda values: [float(f"{value:.9g}") for value in numpy.asarray(values).flatten().tolist()]
    files, intensities, values = [], [], []
    for index, image in enumerate(images):
        file = f"image-{index + 1}.png"
        image.save(folder / file)
        files.append(file)
        small = numpy.asarray(prepared(image, settings))
        intensities.append(small.flatten().tolist())
        values.append(((small / 255 - mean) / deviation).transpose(2, 0, 1))
    pixels = torch.tensor(numpy.stack(values), dtype=torch.float32)
    own = ViTImageProcessor.from_pretrained(folder)(images, return_tensors="pt")["pixel_values"]
    step = 1 / 255 / torch.tensor(deviation).min()
    print(name, "intensities that torchvision and Pillow round differently:", int(((own - pixels).abs() > step / 2).sum()),
          "of", own.numel(), "the largest difference", float((own - pixels).abs().max() / step))
    with torch.no_grad():
        hidden = getattr(model, "vit", model)(pixel_values=pixels).last_hidden_state
        result = model(pixel_values=pixels)
    golden = {
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__, "pillow": PIL.__version__,
                     "torchvision": torchvision.__version__},
        "images": files, "intensities": intensities, "pixelValues": numbers(pixels), "shape": list(hidden.shape),
        "lastHiddenState": numbers(hidden), **({"logits": numbers(result.logits)} if "logits" in result else {}),
    }
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")


half = [0.5, 0.5, 0.5]
plain = {"do_resize": True, "do_rescale": True, "do_normalize": True, "image_processor_type": "ViTImageProcessor", "resample": 2,
         "rescale_factor": 1 / 255, "image_mean": half, "image_std": half, "size": {"height": 12, "width": 12}}
vit = ViTConfig(**SIZES, id2label={0: "cat", 1: "dog", 2: "bread"}, label2id={"cat": 0, "dog": 1, "bread": 2})
save("vit", randomise(ViTForImageClassification(vit), 7), ViTImageProcessor(), [picture(29, 19, 1), picture(7, 11, 2)], plain)

# DeiT's preparation; a body without a pooler.
deit = plain | {"do_center_crop": True, "crop_size": {"height": 12, "width": 12}, "size": {"height": 17, "width": 17}, "resample": 3,
                "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
save("deit", randomise(ViTModel(ViTConfig(**SIZES, layer_norm_eps=1e-6), add_pooling_layer=False), 8), ViTImageProcessor(),
     [picture(31, 23, 3), picture(17, 17, 4)], deit)
