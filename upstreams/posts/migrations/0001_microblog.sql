-- The microblog, in the SQL that SQLite and PostgreSQL share.
--
-- Every id is made by the program and grows with time (see `ids.rs`), so that ordering by id is ordering by
-- time and an id serves as a cursor. Moments are milliseconds since 1970 (UTC).

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    -- As the user writes it, and folded so that no two differ in case alone.
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    bio TEXT NOT NULL,
    -- Where somebody says they are, in words; empty where they do not say it.
    location TEXT NOT NULL DEFAULT '',
    -- A PHC string; empty for somebody who can not log in (the people of the demo).
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    -- SHA-256 of the token, in hexadecimal: whoever reads the table can log in nowhere.
    token_hash TEXT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- One row a failed log-in, for as long as it counts: `key` is a user's name or a client's address.
CREATE TABLE login_failures (
    id BIGINT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL,
    failed_at BIGINT NOT NULL
);
CREATE INDEX login_failures_by_key ON login_failures (key, failed_at);
CREATE INDEX login_failures_by_time ON login_failures (failed_at);

CREATE TABLE follows (
    follower_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    followee_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (follower_id, followee_id)
);
CREATE INDEX follows_by_followee ON follows (followee_id, follower_id);

CREATE TABLE blocks (
    blocker_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id)
);
CREATE INDEX blocks_by_blocked ON blocks (blocked_id, blocker_id);

-- A repost is a post without a text of its own that names another.
CREATE TABLE posts (
    id BIGINT NOT NULL PRIMARY KEY,
    author_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    -- ISO 639-1, or `und`.
    lang TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Decimal degrees, both or neither.
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    reply_to_id BIGINT REFERENCES posts (id) ON DELETE SET NULL,
    repost_of_id BIGINT REFERENCES posts (id) ON DELETE CASCADE,
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);
CREATE INDEX posts_by_author ON posts (author_id, id);
CREATE INDEX posts_by_reply ON posts (reply_to_id, id) WHERE reply_to_id IS NOT NULL;
CREATE UNIQUE INDEX posts_by_repost ON posts (repost_of_id, author_id) WHERE repost_of_id IS NOT NULL;
CREATE INDEX posts_by_position ON posts (id) WHERE latitude IS NOT NULL;

CREATE TABLE likes (
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (post_id, user_id)
);
CREATE INDEX likes_by_user ON likes (user_id, post_id);

-- What a post can be found by: its words, `#hashtags` and `@names`, folded (see `text.rs`). Neither this nor
-- `post_cells` has a foreign key, which would need an index of its own: both follow from the post, and the
-- program that deletes it knows which rows to delete.
CREATE TABLE post_terms (
    term TEXT NOT NULL,
    post_id BIGINT NOT NULL,
    PRIMARY KEY (term, post_id)
);

-- The hashtags again, by time, for what trends.
CREATE TABLE post_tags (
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (post_id, tag)
);

-- Where a post was written: the cells around it, one of each size (see `cells.rs`).
CREATE TABLE post_cells (
    cell BIGINT NOT NULL,
    post_id BIGINT NOT NULL,
    PRIMARY KEY (cell, post_id)
);
