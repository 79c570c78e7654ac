# frozen_string_literal: true

Rails.application.configure do
  # Work in the web process too, instead of (or as well as) in processes of `bundle exec tasker work`.
  config.tasker_core.embedded_worker = ENV.fetch("TASKER_EMBEDDED_WORKER", Rails.env.development?.to_s) == "true"

  # All keys of config/tasker_core.yml may also be set here. They override the file and the environment variables.
  # config.tasker_core.max_parallel_steps = 25
end
