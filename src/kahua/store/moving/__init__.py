"""Moving all objects to another place while the site serves.

Where the objects are is a row of the database, not a setting alone. A move goes through phases, each of which every
process of the site takes up before the next one begins; so nothing is lost from sight, whoever is slow or killed.

=========  ==============  ======================  ==============
phase      is written      is read                 is deleted from
=========  ==============  ======================  ==============
settled    source          source                  source
opening    source          source, then target     both
copying    target          source, then target     both
removing   target          target, then source     both
=========  ==============  ======================  ==============
"""

from kahua.store.moving.mover import Moved, Mover
from kahua.store.moving.placed import PlacedStore
from kahua.store.moving.placement import MOVER_LOCK, Placement, check_place, placement_of, settle

__all__ = ["MOVER_LOCK", "Moved", "Mover", "PlacedStore", "Placement", "check_place", "placement_of", "settle"]
