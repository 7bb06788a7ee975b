"""The demonstration: a real image goes in by C-STORE, a real model runs on it, its result is compared and shown."""

from kahua.cli.demonstration.client import SiteClient
from kahua.cli.demonstration.facts import Fact, Facts
from kahua.cli.demonstration.image import DemoImage, fetch_demo_image
from kahua.cli.demonstration.story import Outcome, Story, look_at_pages

__all__ = ["DemoImage", "Fact", "Facts", "Outcome", "SiteClient", "Story", "fetch_demo_image", "look_at_pages"]
