# frozen_string_literal: true

threads 1, Integer(ENV.fetch("RAILS_MAX_THREADS", 5))
port ENV.fetch("PORT", 3000)
environment ENV.fetch("RAILS_ENV", "development")

# Where config.tasker_core.embedded_worker does not say so already: work in this process too.
plugin :tasker_core if ENV["TASKER_IN_PUMA"] == "true"

# TERM is how it is told to stop, and no failure.
raise_exception_on_sigterm false
