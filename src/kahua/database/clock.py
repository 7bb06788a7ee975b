"""What the site remembers of the time, so that a clock that is wrong at the next start is noticed."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from kahua.database.base import Base, UtcDateTime


class ClockRow(Base):
    """The one row that says when the clock was believed last."""

    __tablename__ = "clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: For how long the site has run since without believing it, in seconds.
    doubted_seconds: Mapped[float] = mapped_column(default=0.0)
