"""What is saved: the API's own bytes, under names that say what they are; and who is asked."""

import io
import re
import shlex
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from browser.kit import add, api, cards, download, finish, pixels


def show(page, paths) -> None:
    add(page, paths)
    finish(page, len(paths))
    page.sent.clear()


def test_the_plain_cut_out_is_saved_without_asking_again(page, server, images):
    path = images("photo.jpg")[0]
    show(page, [path])
    name, data = download(page, "#save")
    assert name == "photo.png"
    assert data == api(server.running.address, path.read_bytes())
    assert page.sent == []


@pytest.mark.parametrize("kind, suffix", [("png", "png"), ("webp", "webp"), ("jpeg", "jpg")])
def test_a_file_with_a_background_is_the_apis_and_costs_no_inference(
    page, server, images, kind, suffix
):
    path = images("photo.png")[0]
    show(page, [path])
    seen = server.seen
    page.click("#backgrounds >> text=Grey")
    page.select_option("#format", kind)
    name, data = download(page, "#save")
    assert name == f"photo.{suffix}"
    wanted = api(server.running.address, path.read_bytes(), background="lightgrey", format=kind)
    assert data == wanted
    assert len(page.sent) == 1
    assert page.sent[0].response().headers["x-cutout-cache"] == "hit"
    assert server.seen == seen
    assert download(page, "#save") == (name, data)
    assert len(page.sent) == 1


def test_jpeg_gets_white_and_the_page_says_so(page, images):
    show(page, images("photo.png"))
    page.select_option("#format", "jpeg")
    assert "becomes white" in page.locator("#white-note").inner_text()
    _, data = download(page, "#save")
    assert pixels(data)[20, 0].min() >= 250


@pytest.mark.parametrize("output", ["mask", "trimap", "overlay"])
def test_other_outputs_are_named_after_what_they_are(page, server, images, output):
    path = images("photo.png")[0]
    show(page, [path])
    page.click("#backgrounds >> text=Grey")
    page.select_option("#output", output)
    name, data = download(page, "#save")
    assert name == f"photo-{output}.png"
    assert data == api(server.running.address, path.read_bytes(), output=output)


def test_crop_and_size_are_those_of_the_api(page, server, images):
    path = images("photo.png")[0]
    show(page, [path])
    page.click("#advanced summary")
    page.check("#option-crop")
    page.fill("#option-crop_margin", "10%")
    page.fill("#option-max_size", "50")
    page.keyboard.press("Tab")
    _, data = download(page, "#save")
    wanted = api(
        server.running.address, path.read_bytes(), crop="on", crop_margin="10%", max_size="50"
    )
    assert data == wanted
    assert max(pixels(data).shape[:2]) == 50


def test_an_own_background_image_goes_into_the_file(page, server, images, tmp_path):
    path = images("photo.png")[0]
    back = tmp_path / "back.png"
    Image.fromarray(np.full((30, 40, 3), (0, 99, 0), np.uint8)).save(back)
    show(page, [path])
    page.set_input_files("#background-file", back)
    _, data = download(page, "#save")
    wanted = api(server.running.address, path.read_bytes(), background_image=back.read_bytes())
    assert data == wanted


def test_looking_sends_no_request(page, images):
    show(page, images("photo.png"))
    for name in "White", "Black", "Grey", "Blur", "Colour", "None":
        page.click(f"#backgrounds >> text={name}")
    for zoom in "1", "2", "4", "fit":
        page.click(f"[data-zoom='{zoom}']")
    page.focus("#compare")
    page.keyboard.press("End")
    page.click("#hold")
    assert page.sent == []


def test_the_live_background_is_what_the_api_mixes(page, server, images):
    """The screen's pixels and the file's, away from the soft edge and over it."""
    path = images("photo.png", side=200)[0]
    show(page, [path])
    page.click("#backgrounds >> text=Grey")
    page.click("[data-zoom='1']")
    box = page.locator("#result").bounding_box()
    page.evaluate("document.querySelector('#compare').hidden = true")
    page.evaluate("document.querySelector('#line').hidden = true")
    shot = pixels(page.screenshot(clip=box))[..., :3].astype(int)
    _, data = download(page, "#save")
    assert np.abs(shot - pixels(data)[..., :3]).max() <= 2


def test_a_zip_of_all_keeps_the_names_and_tells_equal_ones_apart(page, server, images):
    paths = [*images("one.png", "two.jpg"), *images("again/one.png")]
    show(page, paths)
    name, data = download(page, "#save-all")
    assert name == "cutout.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["one-2.png", "one.png", "two.png"]
        wanted = api(server.running.address, paths[1].read_bytes())
        assert archive.read("two.png") == wanted
    assert page.sent == []


def test_the_result_is_copied_as_png(pages, images):
    page = pages.open(permissions=["clipboard-read", "clipboard-write"])
    show(page, images("photo.png"))
    page.click("#copy")
    page.locator("#status", has_text="Copied").wait_for(state="attached")
    kinds = page.evaluate("navigator.clipboard.read().then((items) => items[0].types)")
    assert kinds == ["image/png"]


HOSTILE = {
    "<img src=x onerror=alert(1)>.png": r"_img src=x onerror=alert\(1\)_\.png",
    "\u202egnp.exe.png": r"_gnp\.exe\.png",
    "تصویر.png": r"تصویر\.png",
    "😀.png": r"😀\.png",
    "a" * 240 + ".png": r"a{150}\.png",
    "'; rm -rf ~; '.png": r"'; rm -rf ~; '\.png",
}


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:30])
def test_hostile_names_are_shown_as_text_and_saved_safely(page, images, name):
    show(page, images(name))
    assert cards(page).locator(".name").inner_text() == name
    assert page.locator("#cards img").count() == 1
    saved, _ = download(page, "#save")
    assert re.fullmatch(HOSTILE[name], saved)


def test_the_command_quotes_a_hostile_name_for_the_shell(page, images, tmp_path):
    show(page, images("it's $HOME `id`.png"))
    page.click("#commands")
    words = shlex.split(page.locator("#command").inner_text().replace("\\\n", " "))
    assert words[:3] == ["curl", "-X", "POST"]
    assert 'image=@"it\'s $HOME `id`.png"' in words


def test_the_shown_curl_command_gives_the_file_of_the_page(page, images, tmp_path):
    path = images("photo.png")[0]
    show(page, [path])
    page.click("#backgrounds >> text=Grey")
    page.select_option("#format", "webp")
    _, data = download(page, "#save")
    page.click("#commands")
    command = page.locator("#command").inner_text()
    subprocess.run(["sh", "-c", command], cwd=path.parent, check=True, capture_output=True)
    assert (path.parent / "photo.webp").read_bytes() == data


def test_the_shown_python_code_gives_the_file_of_the_page(page, images, tmp_path):
    path = images("photo.png")[0]
    show(page, [path])
    page.select_option("#format", "jpeg")
    _, data = download(page, "#save")
    page.click("#commands")
    page.select_option("#command-form", "python")
    code = page.locator("#command").inner_text()
    subprocess.run([sys.executable, "-c", code], cwd=path.parent, check=True)
    assert (path.parent / "photo.jpg").read_bytes() == data


def test_the_shown_remove_bg_form_gives_the_pixels_of_the_page(page, images):
    path = images("photo.png")[0]
    show(page, [path])
    page.click("#backgrounds >> text=Grey")
    page.click("#advanced summary")
    page.select_option("#option-edges", "off")
    page.click("#commands")
    page.select_option("#command-form", "removebg")
    command = page.locator("#command").inner_text()
    note, _, rest = command.partition("\n")
    assert note.startswith("#") and note.endswith("edges")
    assert "/v1.0/removebg" in rest
    page.keyboard.press("Escape")
    page.select_option("#option-edges", "auto")
    _, data = download(page, "#save")
    subprocess.run(["sh", "-c", command], cwd=path.parent, check=True, capture_output=True)
    saved = path.parent / re.search(r"-o '(.*)'$", command)[1]
    np.testing.assert_array_equal(pixels(saved.read_bytes()), pixels(data))


def test_a_link_brings_the_settings_back(pages, page, images):
    show(page, images("photo.png"))
    page.click("#backgrounds >> text=White")
    page.click("#advanced summary")
    page.check("#option-crop")
    again = pages.open(f"/#{page.url.partition('#')[2]}")
    show(again, images("other.png"))
    assert again.locator("[name=background]:checked").get_attribute("value") == "white"
    assert again.locator("#option-crop").is_checked()
