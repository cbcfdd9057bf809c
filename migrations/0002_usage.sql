-- What SDKs report: how often flags are evaluated, when last, and for whom. No part of the history: nothing here
-- is chained, nothing is announced, and all of it may be emptied at any time.
-- No foreign keys: to count must never wait for a write, nor a write for it. Configurations are never deleted.
-- `if not exists`: a backup of before these tables leaves them standing when it is put back.

-- Evaluations by minute; after two days they are summed into hours.
create table if not exists usage_minute (
    config_id uuid not null,
    at timestamptz not null,
    -- the variation's index; -1 where the caller's default was served
    variation integer not null,
    -- as the SDK reports it; 0 where it reports none
    version bigint not null,
    -- '' where the SDK gives no reason: summaries have none
    reason text not null,
    rule text not null,
    count bigint not null,
    constraint usage_minute_pkey primary key (config_id, at, variation, version, reason, rule)
);

create index if not exists usage_minute_at on usage_minute (at);

create table if not exists usage_hour (
    config_id uuid not null,
    at timestamptz not null,
    variation integer not null,
    version bigint not null,
    reason text not null,
    rule text not null,
    count bigint not null,
    constraint usage_hour_pkey primary key (config_id, at, variation, version, reason, rule)
);

create index if not exists usage_hour_at on usage_hour (at);

-- When a flag was last evaluated in an environment.
create table if not exists flag_evaluated (
    config_id uuid constraint flag_evaluated_pkey primary key,
    environment_id uuid not null,
    at timestamptz not null,
    -- when that was learned: other daemons ask for what is newer than what they know
    told_at timestamptz not null
);

create index if not exists flag_evaluated_told on flag_evaluated (told_at);

-- Contexts seen lately, a bounded number in each environment, without what is private of them.
create table if not exists recent_context (
    environment_id uuid not null,
    -- 'multi' where it is several: then the key names all of them
    kind text not null,
    key text not null,
    context json not null,
    source text not null,
    seen_at timestamptz not null,
    constraint recent_context_pkey primary key (environment_id, kind, key)
);

create index if not exists recent_context_seen on recent_context (environment_id, seen_at desc);

-- The last batch that each daemon got in: one whose outcome it never heard is sent again and not counted twice.
create table if not exists usage_batch (
    daemon_id uuid constraint usage_batch_pkey primary key,
    number bigint not null,
    at timestamptz not null
);
