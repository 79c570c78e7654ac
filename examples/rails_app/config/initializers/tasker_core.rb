# frozen_string_literal: true

Rails.application.configure do
  # Whether the web process works too; if not, `tasker work` does, in processes of its own.
  config.tasker_core.embedded_worker = ENV.fetch("TASKER_EMBEDDED_WORKER", Rails.env.development?.to_s) == "true"
end
