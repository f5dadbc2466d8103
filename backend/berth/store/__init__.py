"""The database: tables, engine, migrations, the event stream's rows."""

from berth.store.engine import Store, bind_deployment, open_store

__all__ = ["Store", "bind_deployment", "open_store"]
