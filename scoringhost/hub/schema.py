"""The tables of a hub's database: what each version of them adds to the one before.

A database is brought from any version to the newest when it is opened, in one transaction. What is here never changes:
another version is another step.
"""

MODELS = """
CREATE TABLE names (
    name TEXT PRIMARY KEY,
    last_version INTEGER NOT NULL
) STRICT;
CREATE TABLE models (
    name TEXT NOT NULL REFERENCES names (name),
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    description TEXT NOT NULL,
    framework TEXT NOT NULL,
    framework_version TEXT NOT NULL,
    root TEXT NOT NULL,
    is_folder INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    origin TEXT NOT NULL,
    run_id TEXT NOT NULL,
    properties TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;
CREATE INDEX models_by_time ON models (created_at DESC, name, version DESC);
CREATE TABLE tags (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name, version, key),
    FOREIGN KEY (name, version) REFERENCES models (name, version) ON DELETE CASCADE
) STRICT;
CREATE TABLE files (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    is_program INTEGER NOT NULL,
    PRIMARY KEY (name, version, path),
    FOREIGN KEY (name, version) REFERENCES models (name, version) ON DELETE CASCADE
) STRICT;
CREATE INDEX files_by_digest ON files (digest);
CREATE TABLE uses (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    user TEXT NOT NULL,
    PRIMARY KEY (name, version, user),
    FOREIGN KEY (name, version) REFERENCES models (name, version)
) STRICT;
"""

SERVICES = """
CREATE TABLE services (
    name TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    owner TEXT NOT NULL,
    endpoint TEXT,
    default_version TEXT,
    traffic TEXT NOT NULL,
    sticky_header TEXT,
    shadow TEXT NOT NULL,
    control TEXT,
    keys TEXT NOT NULL,
    last_number INTEGER NOT NULL
) STRICT;
CREATE TABLE deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL REFERENCES services (name) ON DELETE CASCADE,
    version TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    root TEXT NOT NULL,
    is_folder INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    models TEXT NOT NULL,
    script TEXT,
    settings TEXT NOT NULL,
    environ TEXT NOT NULL,
    environment TEXT,
    pool TEXT NOT NULL,
    share REAL,
    deployed_from INTEGER,
    division_before TEXT NOT NULL
) STRICT;
CREATE INDEX deployments_by_version ON deployments (service, version, state);
CREATE TABLE versions (
    service TEXT NOT NULL REFERENCES services (name) ON DELETE CASCADE,
    version TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    deployment INTEGER REFERENCES deployments (id),
    wanted TEXT NOT NULL,
    description TEXT NOT NULL,
    tags TEXT NOT NULL,
    properties TEXT NOT NULL,
    PRIMARY KEY (service, version)
) STRICT;
CREATE TABLE deployment_files (
    deployment INTEGER NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    is_program INTEGER NOT NULL,
    PRIMARY KEY (deployment, path)
) STRICT;
CREATE INDEX deployment_files_by_digest ON deployment_files (digest);
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    service TEXT NOT NULL,
    version TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_service ON events (service, id);
"""

ORIGINS = """
ALTER TABLE deployments ADD COLUMN origin TEXT NOT NULL DEFAULT '{}';
"""

USERS = """
ALTER TABLE services ADD COLUMN user INTEGER;
CREATE TABLE last_user (user INTEGER NOT NULL) STRICT;
"""

# Tags are read with every model and looked for seldom, and another table cost a third of the time of a long list. Lists
# are in the order of registration, whatever the clock has said.
TAGS = """
ALTER TABLE models ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
UPDATE models SET tags = (
    SELECT json_group_object(key, value) FROM tags WHERE tags.name = models.name AND tags.version = models.version
);
DROP TABLE tags;
DROP INDEX models_by_time;
"""

STEPS = (MODELS, SERVICES, ORIGINS, USERS, TAGS)

NAMED_FILES = "SELECT digest FROM files UNION SELECT digest FROM deployment_files"
"""All files that something needs."""
