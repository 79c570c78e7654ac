-- What tells whether an id is still of the same thing. Where a database goes back in time, or is emptied, its ids are given out again.

-- A process is named by a number that it draws itself, so that no two ever have the same.
ALTER TABLE tasker.processes ADD COLUMN dead_at timestamptz, ADD COLUMN left_in_order boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tasker.processes.left_in_order IS
  'Whether the process has ended by itself, and could not give back what it held: then its steps were interrupted, not crashed.';
COMMENT ON COLUMN tasker.processes.process_id IS 'Drawn at random by the process itself; those of older builds are of the sequence.';
COMMENT ON COLUMN tasker.processes.dead_at IS
  'Since when the process is taken for dead: what it claimed runs elsewhere, and it starts anew under another id. A row that is gone says nothing of the kind.';

CREATE FUNCTION tasker.digest(namespace text, name text, version text, definition json) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('x' || left(encode(sha256(convert_to(concat_ws(E'\n', namespace, name, version, definition::text), 'UTF8')), 'hex'), 16))::bit(64)::bigint
$$;
COMMENT ON FUNCTION tasker.digest IS 'Which template this is, whatever its id: the beginning of a SHA-256.';

ALTER TABLE tasker.templates
  ADD COLUMN digest bigint GENERATED ALWAYS AS (tasker.digest(namespace, name, version, definition)) STORED NOT NULL;
COMMENT ON COLUMN tasker.templates.digest IS 'What a process remembers of a template is remembered under its id and this.';

CREATE FUNCTION tasker.newest_template(p_namespace text, p_name text, p_version text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT COALESCE(
    (SELECT t.template_id
     FROM tasker.templates t
     WHERE t.namespace = p_namespace AND t.name = p_name AND (p_version IS NULL AND t.version_order LIKE '%~' OR t.version = p_version)
     ORDER BY t.version_order DESC, t.version DESC, t.revision DESC
     LIMIT 1),
    (SELECT t.template_id
     FROM tasker.templates t
     WHERE t.namespace = p_namespace AND t.name = p_name AND p_version IS NULL
     ORDER BY t.version_order DESC, t.version DESC, t.revision DESC
     LIMIT 1))
$$;
COMMENT ON FUNCTION tasker.newest_template IS
  'The newest revision of a version; without a version, of the highest release, or of the highest pre-release where there is no release.';
