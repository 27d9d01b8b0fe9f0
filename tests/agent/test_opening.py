"""Which model a recommender gets, on stand-in servers that the workspace's record names."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.adapters import served_name
from agent.base_hash import base_hash
from agent.models.base import Message
from agent.models.transformers import TransformersModel
from agent.models.vllm import VllmModel
from agent.opening import adapter_to_serve, adapter_version, open_chosen_model, settle
from agent.registry import Adapters
from agent.server_record import recorded
from agent.settings import RecommenderSettings, load_settings
from retrieval.errors import ModelUnavailableError, SettingsError, WeightsError
from retrieval.workspace import Workspace
from tests.agent.engines import tiny_llava_folder
from tests.agent.stand_in import StandIn, Vllm, refuse, stand_in
from tests.agent.test_registry import card
from tests.agent.test_serving import fake_python
from ui.cli import app

PROMPT = (Message("user", ("Best:",)),)
Serve = Callable[..., StandIn]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes tmp_path a workspace for which that model and adapter are served."""
    with ExitStack() as running:

        def start(
            model: str = "builtin",
            adapter: str | None = None,
            folder: Path | None = None,
            served_as: str | None = None,
        ) -> StandIn:
            names = (model,) if adapter is None else (model, served_as or adapter)
            server = running.enter_context(stand_in(Vllm(models=names)))
            record = {"url": server.url, "model": model, "adapter": adapter, "folder": folder, "served_as": served_as}
            running.enter_context(recorded(tmp_path, **record))  # type: ignore[arg-type]
            return server

        yield start


def opened(path: Path, **settings: object) -> tuple[str, str, str | None]:
    """Engine, model and adapter that these settings lead to."""
    asked = RecommenderSettings(**settings)  # type: ignore[arg-type]
    model = open_chosen_model(path, settle(path, asked))
    model.close()
    return type(model).__name__, model.info.name, model.info.adapter


class TestAuto:
    def test_without_a_name_it_is_what_is_served(self, serve: Serve, tmp_path: Path) -> None:
        serve("qwen2.5-vl-7b", "autumn")
        assert opened(tmp_path) == ("VllmModel", "qwen2.5-vl-7b", "autumn")

    def test_without_a_server_it_is_the_builtin_model_in_process(self, tmp_path: Path) -> None:
        assert opened(tmp_path) == ("TransformersModel", "builtin", None)

    def test_another_name_runs_in_process_and_a_warning_says_so(
        self, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        serve("qwen2.5-vl-7b")
        named = str(tiny_llava_folder())
        with caplog.at_level(logging.WARNING):
            assert opened(tmp_path, model=named) == ("TransformersModel", named, None)
        assert re.search(f"qwen2.5-vl-7b is served .* asked for was {named}, which is loaded in this", caplog.text)

    def test_a_name_in_the_environment_counts(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serve("qwen2.5-vl-7b")
        monkeypatch.setenv("TASTEMAKER_MODEL", "builtin")
        assert opened(tmp_path) == ("TransformersModel", "builtin", None)

    @pytest.mark.parametrize("name", ["qwen2.5-vl-3b", "Qwen/Qwen2.5-VL-3B-Instruct"])
    def test_a_model_has_several_names(self, serve: Serve, tmp_path: Path, name: str) -> None:
        serve("qwen2.5-vl-3b")
        assert opened(tmp_path, model=name) == ("VllmModel", "qwen2.5-vl-3b", None)

    def test_a_folder_is_the_same_model_by_any_path(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tiny_llava_folder()
        serve(str(folder.resolve()))
        monkeypatch.chdir(folder.parent)
        assert opened(tmp_path, model=folder.name) == ("VllmModel", str(folder.resolve()), None)

    def test_an_adapters_folder_is_known_by_the_name_that_the_server_gives_it(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        serve("qwen2.5-vl-7b", "autumn-2026")
        folder = tmp_path / "autumn 2026!"
        assert opened(tmp_path, adapter=folder) == ("VllmModel", "qwen2.5-vl-7b", "autumn-2026")
        assert opened(tmp_path, adapter=folder, model="qwen2.5-vl-7b")[0] == "VllmModel"

    def test_another_adapter_is_looked_for_in_process(
        self, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        serve("builtin", "autumn")
        with pytest.raises(WeightsError, match="winter"):
            opened(tmp_path, adapter=tmp_path / "winter")
        assert "asked for was builtin with the adapter winter" in caplog.text

    def test_an_adapter_has_one_name_in_both_engines(self, adapter_folder: Path, tmp_path: Path) -> None:
        strange = tmp_path / "autumn 2026!"
        strange.symlink_to(adapter_folder)
        assert TransformersModel.open("builtin", adapter=strange).info.adapter == adapter_folder.name


class TestOwnAdapters:
    """What was tuned for the workspace and is used there."""

    @pytest.fixture
    def adapters(self, tmp_path: Path, adapter_folder: Path) -> Adapters:
        found = Adapters(tmp_path)
        found.register(adapter_folder, card(alpha=2.5))
        found.point_to("lora-1")
        return found

    def test_the_one_in_use_answers_with_its_own_weight_of_the_prior(self, adapters: Adapters, tmp_path: Path) -> None:
        assert opened(tmp_path) == ("TransformersModel", "builtin", "lora-1")
        assert open_chosen_model(tmp_path, RecommenderSettings()).info.alpha == 2.5

    @pytest.mark.parametrize("popularity", [True, False])
    def test_it_is_told_what_it_learned_with(
        self, serve: Serve, tmp_path: Path, adapter_folder: Path, popularity: bool
    ) -> None:
        Adapters(tmp_path).register(adapter_folder, card("summer", settings={"popularity": popularity}))
        for named in (Path("summer"), Adapters(tmp_path).path("summer")):
            info = open_chosen_model(tmp_path, RecommenderSettings(adapter=named)).info
            assert (info.popularity, info.alpha) == (popularity, 2.5)
        serve("builtin", "summer")
        assert open_chosen_model(tmp_path, RecommenderSettings()).info.popularity is popularity

    def test_one_from_elsewhere_is_told_what_it_learned_with_though_the_workspace_has_one_of_that_name(
        self, serve: Serve, tmp_path: Path, adapter_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mine, other = Adapters(tmp_path), Adapters(tmp_path / "other")
        mine.register(adapter_folder, card("summer", alpha=1.5))
        other.register(adapter_folder, card("summer", alpha=3.5, settings={"popularity": True}))
        monkeypatch.chdir(mine.folder)  # where a folder of that name lies, which nobody meant
        serve("builtin", "summer", other.path("summer"))
        for named in (None, other.path("summer")):
            info = open_chosen_model(tmp_path, RecommenderSettings(adapter=named)).info
            assert (info.alpha, info.popularity) == (3.5, True)
        model = open_chosen_model(tmp_path, RecommenderSettings(adapter=mine.path("summer")))
        assert (type(model).__name__, model.info.alpha) == ("TransformersModel", 1.5), (
            "it is not the one that is served"
        )

    def test_a_server_with_other_weights_of_that_name_is_not_asked(
        self, serve: Serve, tmp_path: Path, adapter_folder: Path
    ) -> None:
        mine, other = Adapters(tmp_path), shutil.copytree(adapter_folder, tmp_path / "other" / "summer")
        (other / "adapter_model.safetensors").write_bytes(b"other weights")
        mine.register(adapter_folder, card("summer"))
        serve("builtin", "summer", other, served_name(other))
        assert opened(tmp_path, adapter=other, engine="vllm") == ("VllmModel", "builtin", "summer")
        with pytest.raises(SettingsError, match="asked for was builtin with the adapter summer"):
            opened(tmp_path, adapter="summer", engine="vllm")

    def test_none_and_another_one_can_be_named(self, adapters: Adapters, tmp_path: Path, adapter_folder: Path) -> None:
        adapters.register(adapter_folder, card("winter"))
        assert opened(tmp_path, adapter="none") == ("TransformersModel", "builtin", None)
        assert opened(tmp_path, adapter="winter") == ("TransformersModel", "builtin", "winter")
        assert opened(tmp_path, adapter=adapter_folder)[2] == adapter_folder.name

    def test_another_model_does_without_it(
        self, adapters: Adapters, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = str(tiny_llava_folder())
        assert opened(tmp_path, model=other) == ("TransformersModel", other, None)
        assert "answers without an adapter: the adapter lora-1 was trained on another model" in caplog.text

    def test_a_folder_whose_card_names_another_base_is_refused(self, tmp_path: Path, adapter_folder: Path) -> None:
        other = Adapters(tmp_path / "other")
        other.register(adapter_folder, card("summer", base_hash="0" * 64))
        with pytest.raises(WeightsError, match="summer was trained on another model than builtin"):
            opened(tmp_path, adapter=other.path("summer"))

    def test_its_base_is_the_model_where_none_is_named(self, tmp_path: Path, adapter_folder: Path) -> None:
        other = str(tiny_llava_folder())
        found = Adapters(tmp_path)
        found.register(adapter_folder, card(base=other, base_hash=base_hash(other)))
        found.point_to("lora-1")
        assert adapter_to_serve(tmp_path, RecommenderSettings()) == (other, found.path("lora-1"))
        assert adapter_to_serve(tmp_path, RecommenderSettings(model="builtin")) == ("builtin", None)

    def test_the_version_changes_with_what_is_used(self, adapters: Adapters, tmp_path: Path) -> None:
        following, named = RecommenderSettings(), RecommenderSettings(adapter=Path("none"))
        before = adapter_version(tmp_path, following)
        assert before == adapter_version(tmp_path, following)
        adapters.point_to(None)
        assert adapter_version(tmp_path, following) != before
        assert adapter_version(tmp_path, named) is None

    def test_a_server_answers_with_what_it_has(self, adapters: Adapters, serve: Serve, tmp_path: Path) -> None:
        serve("builtin", "lora-1")
        assert opened(tmp_path) == ("VllmModel", "builtin", "lora-1")
        assert open_chosen_model(tmp_path, RecommenderSettings()).info.alpha == 2.5
        assert opened(tmp_path, adapter="none") == ("VllmModel", "builtin", None)


class TestVllm:
    def test_the_workspaces_server_says_which_model(self, serve: Serve, tmp_path: Path) -> None:
        serve("qwen2.5-vl-7b", "autumn")
        assert opened(tmp_path, engine="vllm") == ("VllmModel", "qwen2.5-vl-7b", "autumn")

    @pytest.mark.parametrize("wanted", [{"model": "builtin"}, {"adapter": "winter"}])
    def test_a_server_of_something_else_is_refused(self, serve: Serve, tmp_path: Path, wanted: dict[str, str]) -> None:
        serve("qwen2.5-vl-7b", "autumn")
        with pytest.raises(SettingsError, match=r"has qwen2\.5-vl-7b with the adapter autumn, asked for was"):
            opened(tmp_path, engine="vllm", **wanted)

    def test_an_adapters_folder_is_asked_for_by_its_name(self, tmp_path: Path) -> None:
        folder = tmp_path / "autumn 2026!"
        folder.mkdir()
        asked = {"url": "http://127.0.0.1:9/v1", "model": "qwen2.5-vl-7b"}
        assert opened(tmp_path, adapter=folder, **asked)[2] == "autumn-2026"
        assert opened(tmp_path, adapter="my@lora", **asked)[2] == "my@lora"

    def test_key_and_patience_come_from_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TASTEMAKER_VLLM__API_KEY", "sesame")
        monkeypatch.setenv("TASTEMAKER_VLLM__TIMEOUT_S", "7.5")
        monkeypatch.setenv("TASTEMAKER_VLLM__CONCURRENCY", "3")
        with stand_in() as server:
            settings = load_settings().but(url=server.url)
            model = open_chosen_model(tmp_path, settle(tmp_path, settings))
            model.score([PROMPT], ["A"])
            model.close()
        assert isinstance(model, VllmModel)
        assert {request.headers["Authorization"] for request in server.requests} == {"Bearer sesame"}
        assert (model._client._timeout_s, model._client._slots._value) == (7.5, 3)
        assert "sesame" not in repr(settings)

    def test_a_server_that_wants_a_key_names_the_setting(self, tmp_path: Path) -> None:
        with stand_in(lambda handler, _: refuse(handler, "Unauthorized", status=401)) as server:
            model = open_chosen_model(tmp_path, settle(tmp_path, RecommenderSettings(url=server.url)))
            with pytest.raises(ModelUnavailableError, match="TASTEMAKER_VLLM__API_KEY"):
                model.score([PROMPT], ["A"])
            model.close()

    def test_a_key_that_no_header_can_carry_is_not_printed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TASTEMAKER_VLLM__API_KEY", "sésame\n")
        with pytest.raises(SettingsError, match="TASTEMAKER_VLLM__API_KEY") as caught:
            open_chosen_model(tmp_path, settle(tmp_path, load_settings().but(url="http://127.0.0.1:9")))
        assert "same\n" not in str(caught.value)

    def test_a_group_that_is_no_group_is_refused_without_its_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TASTEMAKER_VLLM", "sesame")
        with pytest.raises(SettingsError, match="vllm") as caught:
            load_settings()
        assert "sesame" not in str(caught.value)


class TestCommandLine:
    """What is not given on the command line is left to the environment."""

    @pytest.fixture
    def films(self, tmp_path: Path) -> str:
        Workspace.create(tmp_path / "films").close()
        return str(tmp_path / "films")

    @pytest.mark.parametrize("command", ["recommend", "ui"])
    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [("MODEL", "bultin", "no model is called 'bultin'"), ("ENGINE", "vllm", "no vLLM server runs")],
    )
    def test_the_environment_names_model_and_engine(
        self, films: str, command: str, name: str, value: str, words: str
    ) -> None:
        result = CliRunner().invoke(app, [command, "--workspace", films], env={f"TASTEMAKER_{name}": value})
        assert isinstance(result.exception, SettingsError)
        assert words in str(result.exception)

    @pytest.mark.parametrize("command", ["recommend", "ui"])
    def test_an_adapter_can_be_named(self, films: str, command: str) -> None:
        arguments = [command, "--workspace", films, "--model", "bultin", "--adapter", "autumn"]
        assert isinstance(CliRunner().invoke(app, arguments).exception, SettingsError)  # and no unknown option

    def test_serve_serves_what_the_environment_names(self, films: str, tmp_path: Path) -> None:
        python = fake_python(tmp_path / "env", "vllm", "0.24.0")
        arguments = ["serve", "--workspace", films, "--print", "--python", str(python)]
        named = CliRunner().invoke(app, arguments, env={"TASTEMAKER_MODEL": "qwen2.5-vl-3b"})
        assert "--served-model-name qwen2.5-vl-3b" in named.stdout
        told = CliRunner().invoke(app, [*arguments, "--model", "qwen3-vl-4b"], env={"TASTEMAKER_MODEL": "llava-1.5-7b"})
        assert "--served-model-name qwen3-vl-4b" in told.stdout
