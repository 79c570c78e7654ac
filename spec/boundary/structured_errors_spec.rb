# frozen_string_literal: true

require_relative "../support/workflows"

RSpec.describe "TaskerCore::Coordinator#orchestrate_with_errors" do
  include Workflows

  it "returns what orchestrate_task does, as data" do
    coordinator.register_handler("plain") { |_| {} }
    answer = coordinator.orchestrate_with_errors(create_task([{ name: "a", handler: "plain" }]))

    expect(answer.success).to be(true)
    expect(answer["data"]).to include("status" => "complete", "steps_executed" => 1)
  end

  it "returns an error by its type, message and context" do
    answer = coordinator.orchestrate_with_errors(-1)

    expect(answer).to include("success" => false, "error_type" => "task_not_found", "error_message" => "Task not found: -1")
    expect(answer["error_context"]).to match("task_id" => -1, "reference" => /\A\h{6}-\d+\z/)
    expect(coordinator.orchestrate_with_errors("invalid")).to include("success" => false, "error_type" => "invalid_type")
  end

  it "tells a closed coordinator, and a database that is down" do
    other = TaskerCore.create_coordinator_with_config(configuration)
    other.close
    expect(other.orchestrate_with_errors(1)).to include("error_type" => "closed")

    doomed = TestDatabase.create
    TaskerCore.migrate!(doomed)
    other = TaskerCore.create_coordinator_with_config(database_url: doomed, connection_timeout_ms: 250)
    TestDatabase.drop(doomed)
    answer = other.orchestrate_with_errors(1)
    expect(answer).to include("success" => false, "error_type" => "database_error", "error_message" => /\ADatabase error: /)
    expect(answer["error_context"]).to include("sql_state", "transient")
  ensure
    other&.close
  end

  it "has a type for every class of error" do
    types = TaskerCore.constants.map { |name| TaskerCore.const_get(name) }.grep(Class).select { |const| const < TaskerCore::Error }
                      .to_h { |error| [error.name.delete_prefix("TaskerCore::"), error.allocate.error_type] }

    expect(types).to include(
      "TaskNotFoundError" => "task_not_found", "StepNotFoundError" => "step_not_found", "TemplateNotFoundError" => "template_not_found",
      "ValidationError" => "validation_error", "IdempotencyConflictError" => "idempotency_conflict",
      "ConfigurationError" => "configuration_error", "InvalidTypeError" => "invalid_type", "DatabaseError" => "database_error",
      "StateError" => "state_error", "ClosedError" => "closed", "InternalError" => "internal_error"
    )
  end
end
