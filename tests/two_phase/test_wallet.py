"""Everything that a wallet does, once more with its ledger in a database of its own."""

from __future__ import annotations

import pytest

from ..wallet.test_holds import *  # noqa: F403 -- the same tests, with the purses of this folder
from ..wallet.test_refill_edges import *  # noqa: F403
from ..wallet.test_refill_orders import *  # noqa: F403
from ..wallet.test_refills import *  # noqa: F403
from ..wallet.test_spending import *  # noqa: F403
from ..wallet.test_topups import *  # noqa: F403

pytestmark = pytest.mark.services
