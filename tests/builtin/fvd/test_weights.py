"""Published files of I3D: names of three ports, TorchScript archives read without running them."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from random_i3d import random_state
from thbench.api import UserError
from thbench_fvd import weights
from thbench_fvd.i3d import I3d
from thbench_fvd.torchscript import is_torchscript, tensors_of


def in_names_of_hassony2(key: str) -> str:
    branches = {"b0": "branch_0", "b1a": "branch_1.0", "b1b": "branch_1.1", "b2a": "branch_2.0"}
    branches |= {"b2b": "branch_2.1", "b3b": "branch_3.1"}
    parts = [branches.get(p, p) for p in key.split(".")]
    parts[0] = parts[0].lower() if parts[0] != "logits" else "conv3d_0c_1x1"
    return ".".join("batch3d" if p == "bn" else p for p in parts)


def in_names_of_tensorflow(key: str) -> str:
    branches = {"b0": "Branch_0.Conv3d_0a_1x1", "b1a": "Branch_1.Conv3d_0a_1x1"}
    # one layer of the original graph is called 0a where 0b is meant
    second = "Conv3d_0a_3x3" if key.startswith("Mixed_5b") else "Conv3d_0b_3x3"
    branches |= {"b1b": "Branch_1.Conv3d_0b_3x3", "b2a": "Branch_2.Conv3d_0a_1x1"}
    branches |= {"b2b": f"Branch_2.{second}", "b3b": "Branch_3.Conv3d_0b_1x1"}
    words = {"bn": "batch_norm", "conv3d": "conv_3d", "running_mean": "moving_mean"}
    words |= {"running_var": "moving_variance", "logits": "Logits.Conv3d_0c_1x1"}
    parts = [branches.get(p, words.get(p, p)) for p in key.split(".")]
    if "batch_norm" in parts and parts[-1] == "bias":
        parts[-1] = "beta"
    return "RGB.inception_i3d." + ".".join(parts)


@pytest.mark.parametrize("renamed", [in_names_of_hassony2, in_names_of_tensorflow])
def test_names_of_other_ports_mean_the_same_layers(renamed) -> None:  # type: ignore[no-untyped-def]
    for key in random_state({}):
        ours = key.replace("logits.conv3d", "logits")
        assert weights.our_name(renamed(key)) == ours, renamed(key)
        assert weights.our_name(f"module.{key}") == ours
    assert weights.our_name("Mixed_3b.b0.bn.num_batches_tracked") is None
    assert weights.our_name("avgpool.weight") is None


@pytest.mark.slow
def test_batch_norms_without_scale_mean_one() -> None:
    state = random_state({})
    ones = {k: torch.ones_like(v) if k.endswith("bn.weight") else v for k, v in state.items()}
    without = {k: v for k, v in ones.items() if not k.endswith("bn.weight")}
    a, b = weights.folded(ones), weights.folded(without)
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


class Unit(nn.Module):
    """A layer of the published ports: convolution and batch norm."""

    def __init__(self, conv: nn.Conv3d, normed: bool) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            bias=not normed,  # type: ignore[arg-type]
        )
        if normed:
            self.bn = nn.BatchNorm3d(conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3d(x)


class Port(nn.Module):
    """Every layer of I3D under the published names; it computes nothing, it is only saved."""

    def __init__(self) -> None:
        super().__init__()
        for name, conv in I3d().named_modules():
            if isinstance(conv, nn.Conv3d):
                parent: nn.Module = self
                *way, leaf = name.split(".")
                for part in way:
                    if part not in dict(parent.named_children()):
                        parent.add_module(part, nn.Identity())
                    parent = getattr(parent, part)
                parent.add_module(leaf, Unit(conv, name != "logits"))

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TorchScript archive as `torch.jit.save` writes it, with the random weights."""
    port = Port()
    port.load_state_dict(random_state({}), strict=False)
    path = tmp_path_factory.mktemp("jit") / "i3d_torchscript.pt"
    torch.jit.script(port.eval()).save(str(path))
    return path


@pytest.mark.slow
def test_a_torchscript_archive_is_read_by_name(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.jit, "load", lambda *a, **k: pytest.fail("it runs code"))
    assert is_torchscript(archive)
    found, wanted = tensors_of(archive), random_state({})
    assert all(torch.equal(found[key], tensor) for key, tensor in wanted.items())
    ours, theirs = weights.load(archive), weights.folded(wanted)
    assert all(
        torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)
    )


def rewritten(archive: Path, target: Path, **changed: bytes | None) -> Path:
    """A copy whose members that end in a key hold other bytes; None leaves the member out."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            ends = [
                k
                for k in changed
                if name.endswith("/" + k.replace("__", "/").replace("_pkl", ".pkl"))
            ]
            content = changed[ends[0]] if ends else old.read(name)
            if content is not None:
                new.writestr(zipfile.ZipInfo(name), content)
    return target


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (Path("/tmp/never-written-by-thbench"), "owned"))


def test_an_archive_that_wants_more_than_tensors_is_refused(archive: Path, tmp_path: Path) -> None:
    evil = rewritten(archive, tmp_path / "evil.pt", data_pkl=pickle.dumps(Evil()))
    with pytest.raises(UserError, match="it names"):
        tensors_of(evil)
    assert not Path("/tmp/never-written-by-thbench").exists()


@pytest.mark.slow
def test_damaged_and_lying_archives_are_refused(archive: Path, tmp_path: Path) -> None:
    short = rewritten(archive, tmp_path / "short.pt", data__0=b"\0\0\0\0")
    with pytest.raises(UserError, match="storage 0 is not"):
        tensors_of(short)
    absent = rewritten(archive, tmp_path / "absent.pt", data__1=None)
    with pytest.raises(UserError, match="cannot be read"):
        tensors_of(absent)
    cut = rewritten(archive, tmp_path / "cut.pt", data_pkl=b"\x80\x02}q\0(X")
    with pytest.raises(UserError, match="TorchScript archive"):
        tensors_of(cut)
    packed = tmp_path / "packed.pt"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(UserError, match="stored numbers"):
        tensors_of(packed)


class Claims(pickle.Pickler):
    """Writes a tensor of any claimed size over a stored storage."""

    def persistent_id(self, obj: object) -> object:
        return (
            ("storage", torch.FloatStorage, "0", "cpu", obj.n) if isinstance(obj, Stored) else None
        )


class Stored:
    def __init__(self, n: int) -> None:
        self.n = n


class Claim:
    def __init__(self, n: int, offset: int, size: object, stride: object) -> None:
        self.arguments = (Stored(n), offset, size, stride, False, {})

    def __reduce__(self) -> tuple[object, ...]:
        return torch._utils._rebuild_tensor_v2, self.arguments


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (1 << 40,), (0,)),  # a terabyte of one number
        (1, (4,), (1,)),
        (-1, (1,), (1,)),
        (0, (2, 3), (4, 1)),
        (0, (2,), (1, 1)),
    ],
)
def test_tensors_outside_their_storage_are_refused(
    tmp_path: Path, offset: int, size: object, stride: object
) -> None:
    buffer = io.BytesIO()
    Claims(buffer, protocol=2).dump({"a": Claim(4, offset, size, stride)})
    path = tmp_path / "claims.pt"
    with zipfile.ZipFile(path, "w") as new:
        new.writestr("m/data.pkl", buffer.getvalue())
        new.writestr("m/data/0", bytes(16))
        new.writestr("m/code/x.py", "")
    with pytest.raises(UserError, match="a tensor"):
        tensors_of(path)


@pytest.mark.slow
def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "page.pt").write_text("<html>")
    with pytest.raises(UserError, match="no file of PyTorch weights"):
        weights.load(tmp_path / "page.pt")
    state = random_state({})
    with pytest.raises(UserError, match=r"Mixed_4c\.b1a\.conv3d\.weight is missing"):
        weights.folded({k: v for k, v in state.items() if k != "Mixed_4c.b1a.conv3d.weight"})
    other = state | {"logits.conv3d.weight": torch.zeros(600, 1024, 1, 1, 1)}
    with pytest.raises(UserError, match=r"logits\.weight is"):
        weights.folded(other)
    turned = state | {"Conv3d_2b_1x1.conv3d.weight": torch.zeros(1, 1, 1, 64, 64)}
    with pytest.raises(UserError, match=r"Conv3d_2b_1x1\.conv3d\.weight is"):
        weights.folded(turned)
    twice = state | {"module.logits.conv3d.bias": state["logits.conv3d.bias"]}
    with pytest.raises(UserError, match="twice"):
        weights.folded(twice)


@pytest.mark.slow
def test_a_state_dict_is_read(tmp_path: Path) -> None:
    torch.save(random_state({}), tmp_path / "i3d_pretrained_400.pt")
    assert weights.load(tmp_path / "i3d_pretrained_400.pt").logits.out_channels == 400
