"""The documentation: what it links to is there, also where it is installed; pictures and the page of status are true."""
import json
import re
import unittest
from xml.etree import ElementTree

from installed import SOURCE, mounted, prefix, program, run, temporary_directory


def links(page):
    """Pages, pictures and headings that it names, of this documentation."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]


def anchors(page):
    """Of a page's headings, as they are made for its readers on the web."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Documents(unittest.TestCase):
    def check(self, directory):
        pages = [directory / "README.md", *(directory / "docs").glob("*.md")]
        self.assertGreater(len(pages), 10)
        for page in pages:
            for link in links(page):
                name, _, heading = link.partition("#")
                target = page.parent / name if name else page
                self.assertTrue(target.exists(), f"{page}: {link}")
                self.assertTrue(not heading or heading in anchors(target), f"{page}: {link}")

    def test_of_the_sources_links_to_what_is_there(self):
        self.check(SOURCE)

    def test_that_is_installed_links_to_what_is_there(self):
        self.check(prefix() / "share/doc/scratchfs")

    def test_the_pictures_are_those_of_their_texts(self):
        texts = sorted((SOURCE / "docs/diagrams").glob("*.dot"))
        self.assertEqual(len(texts), 2)
        for text in texts:
            labels = re.findall(r'label="([^"]*)"', text.read_text())
            drawn = ElementTree.parse(text.with_suffix(".svg")).iter("{http://www.w3.org/2000/svg}text")
            self.assertEqual(sorted(element.text for element in drawn),
                             sorted(line for label in labels for line in label.split("\\n")), text)

    def test_all_pages_can_be_found_from_the_overview(self):
        listed = {link.partition("#")[0] for link in links(SOURCE / "docs/overview.md")} | {"overview.md"}
        self.assertEqual({page.name for page in (SOURCE / "docs").glob("*.md")}, {name for name in listed if name.endswith(".md")})


def fields(value):
    """Names of all fields of a JSON text, at any depth; of the requests by kind one is as good as another."""
    if isinstance(value, list):
        return set().union(*map(fields, value))
    if not isinstance(value, dict):
        return set()
    below = set().union(*map(fields, value.values()))
    return below if "LOOKUP" in value else below | set(value)


class StatusPage(unittest.TestCase):
    page = (SOURCE / "docs/status.md").read_text()

    def test_has_every_field(self):
        place = temporary_directory() / "scratch"
        place.mkdir()
        with mounted(place):
            (place / "file").touch()
            status = json.loads(run(program(), "status", str(place), "--json"))
        found = fields(status)
        self.assertGreater(len(found), 60)
        self.assertEqual({field for field in found if not re.search(f"[`.]{field}[`.\\[]", self.page)}, set())

    def test_has_every_warning(self):
        given = set(re.findall(r'\{"(\w+)",\s+fmt::format', (SOURCE / "mount/view/warnings.cc").read_text()))
        listed = re.findall(r"^\| `(\w+)` \|", self.page.partition("## Warnings")[2], re.MULTILINE)
        self.assertEqual(given, set(listed))


if __name__ == "__main__":
    unittest.main()
