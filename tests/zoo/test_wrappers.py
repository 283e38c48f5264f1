"""What labs put around a model is taken off with a word, and the answer stays its own."""

from __future__ import annotations

import copy
import sys

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import hf_model, pixels_for, shaken, timm_model

SIZE = (48, 80)
ADAPTERS = "adapter_model.safetensors"


def same_answer(vit, module, size=SIZE):
    pixels = pixels_for(size)
    with torch.no_grad():
        own = module(pixels)
    own = getattr(own, "logits", own)
    trace = vit.trace(pixels, preprocessed=True)
    found = vit.adapter.forward(pixels) if trace.logits is None else trace.logits
    torch.testing.assert_close(found, own, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        lambda model: torch.compile(model, backend="eager"),
        lambda model: torch.compile(nn.DataParallel(model), backend="eager"),
        torch.optim.swa_utils.AveragedModel,
    ],
)
def test_wrappers_that_answer_as_their_model(wrap):
    model = timm_model("CLS")
    with pytest.warns(UserWarning, match="is read: the answer is the same"):
        vit = vl.load(wrap(model).eval())
    assert type(vit.model) is type(model)
    same_answer(vit, model)


class Lightning(nn.Module):
    """As a LightningModule is: the model in one of its parts, metrics and losses beside it."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, x):
        return self.model(x)


class Classifier(nn.Module):
    """A backbone and a head of the user's own."""

    def __init__(self, backbone, n_features, n_classes=5):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(n_features, n_classes))
        self.projector = nn.Linear(n_features, n_classes)

    def features(self, x):
        return self.backbone(x)

    def forward(self, x):
        return self.head(self.features(x))


class OfTransformers(Classifier):
    """Reads CLS of a model of transformers."""

    def features(self, x):
        return self.backbone(x).last_hidden_state[:, 0]


class Normalising(Lightning):
    """Does something else than its part alone."""

    def forward(self, x):
        return self.model(x * 0.5 + 0.1)


def test_a_lightning_module_is_its_model():
    for model in (timm_model("CLS"), hf_model()):
        with pytest.warns(UserWarning, match=r"its model \(\w+\) is read: the answer is the same"):
            vit = vl.load(Lightning(model).eval())
        assert vit.model is model
        same_answer(vit, model)


@pytest.mark.parametrize("special", ["CLS", "mean of patches", "distillation"])
def test_backbone_and_head_are_backbone_and_classifier(special):
    model = timm_model(special, num_classes=0, img_size=SIZE)
    module = shaken(Classifier(model, 48))
    with pytest.warns(UserWarning, match=r"its backbone .* with its head\.1 as the classifier"):
        vit = vl.load(module, labels=list("abcde"))
    assert vit.model is model
    assert list(vit.labels) == list("abcde")
    same_answer(vit, module)


def test_backbone_of_transformers_and_head():
    module = shaken(OfTransformers(hf_model().base_model, 48))
    with pytest.warns(UserWarning, match="with its head"):
        vit = vl.load(module)
    same_answer(vit, module)


def test_what_computes_something_else_is_refused_with_the_part():
    model = timm_model("CLS")
    with refused(vl.UnsupportedModelError):
        vl.load(Normalising(model).eval())
    with refused(vl.UsageError):
        vl.load(Lightning(model).train())
    model.eval()
    module = Classifier(timm_model("CLS", num_classes=0), 48).eval()
    module.head = nn.Sequential(nn.LayerNorm(48), module.head[1])
    module.eval().head[0].weight.data.fill_(1.5)
    with refused(vl.UnsupportedModelError):
        vl.load(module)


def timm_wrapper(kind="ForImageClassification", **words):
    import transformers

    config = transformers.TimmWrapperConfig.from_dict(
        {
            "architecture": "vit_tiny_patch16_224",
            "num_classes": 5,
            "label_names": list("abcde"),
            "model_args": {"depth": 2, "img_size": list(SIZE)},
            "pretrained_cfg": {
                "mean": [0.1, 0.2, 0.3],
                "std": [0.4, 0.5, 0.6],
                "input_size": [3, *SIZE],
                "interpolation": "bicubic",
                "crop_pct": 0.9,
                "crop_mode": "center",
            },
            **words,
        }
    )
    return shaken(getattr(transformers, f"TimmWrapper{kind}")(config))


def test_transformers_wrapper_of_timm_in_memory_and_in_a_folder(tmp_path):
    module = timm_wrapper()
    module.save_pretrained(tmp_path)
    for source in (module, tmp_path):
        with pytest.warns(UserWarning, match="its timm_model"):
            vit = vl.load(source)
        assert list(vit.labels) == list("abcde")
        assert vit.preprocessing.mean == (0.1, 0.2, 0.3)
        assert vit.probabilities == "softmax"
        same_answer(vit, module)
    with pytest.warns(UserWarning, match="its timm_model"):
        assert vl.load(timm_wrapper(problem_type="multi_label_classification")).probabilities == (
            "sigmoid"
        )


def test_transformers_wrapper_of_a_headless_timm_model():
    module = timm_wrapper("Model")
    with pytest.warns(UserWarning, match="its timm_model"):
        vit = vl.load(module)
    pixels = pixels_for(SIZE)
    with torch.no_grad():
        own = module(pixels).pooler_output
    torch.testing.assert_close(vit.adapter.forward(pixels), own)


def lora(model, **words):
    peft = pytest.importorskip("peft")
    torch.manual_seed(1)
    config = peft.LoraConfig(r=4, init_lora_weights=False, **words)
    return peft.get_peft_model(model, config).eval()


@pytest.mark.parametrize("library", ["timm", "transformers"])
def test_adapters_of_lora_are_merged_in_a_copy(library):
    names = {"timm": ["qkv", "fc1"], "transformers": ["q_proj", "v_proj"]}[library]
    head = {"timm": "head", "transformers": "classifier"}[library]
    model = timm_model("CLS") if library == "timm" else hf_model()
    module = lora(model, target_modules=names, modules_to_save=[head])
    before = copy.deepcopy(module.state_dict())
    with pytest.warns(UserWarning, match="merged into the weights of a copy"):
        vit = vl.load(module)
    same_answer(vit, module)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


@pytest.mark.parametrize("of", ["tower", "classifier"])
def test_a_folder_of_adapters(of, tmp_path):
    import transformers

    hf_model().base_model.save_pretrained(tmp_path / "base")
    if of == "tower":
        model = transformers.AutoModel.from_pretrained(tmp_path / "base")
        module = lora(model, target_modules=["q_proj", "v_proj"])
    else:
        model = transformers.AutoModelForImageClassification.from_pretrained(
            tmp_path / "base", num_labels=5
        )
        words = {"target_modules": ["q_proj", "fc1"], "modules_to_save": ["classifier"]}
        module = lora(model, **words)
    module.save_pretrained(tmp_path / "adapters")
    with pytest.warns(UserWarning, match="merged into the weights of a copy"):
        vit = vl.load(tmp_path / "adapters")
    assert vit.name == "adapters"
    if of == "classifier":
        same_answer(vit, module)
        return
    pixels = pixels_for(SIZE)
    with torch.no_grad():
        own = module(pixels).last_hidden_state[:, 0]
    torch.testing.assert_close(vit.adapter.forward(pixels), own, rtol=1e-5, atol=1e-5)


def test_adapters_that_do_not_fit_are_refused(tmp_path):
    model = hf_model()
    model.save_pretrained(tmp_path / "base")
    module = lora(type(model).from_pretrained(tmp_path / "base"), target_modules=["q_proj"])
    module.save_pretrained(tmp_path / "adapters")
    file, config = (tmp_path / "adapters" / f"adapter_{n}" for n in ("model.bin", "config.json"))
    weights = load_file(file.with_suffix(".safetensors"))
    file.with_suffix(".safetensors").unlink()
    with refused(vl.UsageError):
        vl.load(tmp_path / "adapters")
    name = next(iter(weights))
    torch.save({**weights, name.replace(".0.", ".7."): weights[name]}, file)
    with refused(vl.UsageError):
        vl.load(tmp_path / "adapters")
    config.write_text("{}")
    with refused(vl.UsageError):
        vl.load(tmp_path / "adapters")


def test_without_peft_its_folders_say_what_to_install(tmp_path, monkeypatch):
    save_file({"base_model.model.q.lora_A.weight": torch.ones(2, 2)}, tmp_path / ADAPTERS)
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/vit"}')
    monkeypatch.setitem(sys.modules, "peft", None)
    with refused(vl.UsageError):
        vl.load(tmp_path)


def test_adapters_inside_of_a_module_of_ones_own():
    module = Lightning(lora(timm_model("CLS"), target_modules=["qkv", "fc1"])).eval()
    with pytest.warns(UserWarning, match="is read: the answer is the same"):
        vit = vl.load(module)
    same_answer(vit, module)
    trace = vit.trace(pixels_for(SIZE), preprocessed=True, keep=["q", "mlp_pre"])
    assert trace["mlp_pre", 0].shape == (2, 16, 192)


def test_what_is_readable_itself_is_taken_as_it_is(recwarn):
    model = timm.create_model("vit_tiny_patch16_224", depth=1).eval()
    assert vl.load(model).model is model
    assert not recwarn.list
