-- Notes that a handler leaves beside its result. Few handlers do, so what records outcomes knows nothing of them: this calls it, and adds
-- the notes to the steps whose outcomes were accepted.

ALTER TABLE tasker.workflow_steps ADD COLUMN metadata json;
COMMENT ON COLUMN tasker.workflow_steps.metadata IS 'What the handler noted beside its result, for people; no step reads it.';

CREATE FUNCTION tasker.record_outcomes_with_metadata(
  p_process_id bigint, p_jump bigint, p_step_ids bigint[], p_fences bigint[], p_to text[], p_results text[], p_errors text[],
  p_delays_ms bigint[], p_reasons text[], p_wanted bigint[], p_metadata text[])
RETURNS SETOF tasker.change
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT * FROM tasker.record_outcomes(
    p_process_id, p_jump, p_step_ids, p_fences, p_to, p_results, p_errors, p_delays_ms, p_reasons, p_wanted);
  -- A complete step of this fence is one whose outcome was accepted.
  UPDATE tasker.workflow_steps s
  SET metadata = n.metadata::json
  FROM (
    SELECT * FROM unnest(p_step_ids, p_fences, p_metadata) AS u(step_id, fence, metadata)
    WHERE u.metadata IS NOT NULL
    ORDER BY u.step_id
  ) n
  WHERE s.task_id = tasker.task_of(n.step_id) AND s.step_id = n.step_id AND s.fence = n.fence AND s.state = 'complete';
END
$$;
COMMENT ON FUNCTION tasker.record_outcomes_with_metadata IS 'As tasker.record_outcomes, for outcomes of which some have notes beside their result.';
