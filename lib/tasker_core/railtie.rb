# frozen_string_literal: true

require "rails/railtie"
require "active_support/ordered_options"
require_relative "../tasker_core"
require_relative "rails/settings"
require_relative "rails/templates"
require_relative "rails/active_record_pools"
require_relative "rails/handler_scope"
require_relative "rails/schema_dump"
require_relative "rails/embedded_worker"

module TaskerCore
  # Integrates tasker_core with Rails: its configuration, its logger, its reloader.
  #
  # 1. +config.tasker_core+ is the strongest part of the configuration. If nobody names a database, ActiveRecord's is
  #    used.
  # 2. Handlers in +app/handlers+ are loaded as all code in +app+ is.
  # 3. Templates in +config/tasks+ are registered with the process's own coordinator as soon as there is one, and again
  #    when they change, if Rails reloads code.
  # 4. Each handler runs inside Rails' reloader, and so inside its executor: it sees the code as it is now. It gives
  #    back its ActiveRecord connections when it ends. A thread that waits for a step is outside.
  # 5. <tt>config.active_job.queue_adapter = :tasker_core</tt> is known.
  # 6. With +config.tasker_core.embedded_worker+, a process that serves requests also runs a worker.
  class Railtie < ::Rails::Railtie
    config.tasker_core = ActiveSupport::OrderedOptions.new

    config.before_configuration do |app|
      app.paths.add "config/tasks", glob: "**/*.{yml,yaml}" unless app.paths["config/tasks"]
    end

    # Comes before anybody names the adapter, for instance in config/application.rb.
    config.before_configuration { require_relative "active_job" if defined?(::ActiveJob) }

    initializer "tasker_core.logger", after: :initialize_logger do
      TaskerCore.default_logger = ::Rails.logger
    end

    initializer "tasker_core.configuration", before: :load_config_initializers do |app|
      settings = Rails::Settings.new(app)
      Configuration.application = -> { settings.application }
      Configuration.fallback = -> { settings.fallback }
    end

    initializer "tasker_core.reloader" do |app|
      TaskerCore.around_handlers = Rails::HandlerScope.new(app)
    end

    initializer "tasker_core.templates" do |app|
      templates = Railtie.templates
      TaskerCore.prepare_coordinator do |coordinator|
        templates.register(coordinator)
        Rails::ActiveRecordPools.warn_of_small_ones(coordinator.reconfigure({})["max_parallel_steps"])
      end
      Rails::Templates.watch(app, templates) unless app.config.cache_classes
    end

    server do |app|
      Rails::EmbeddedWorker.start if Rails::Settings.new(app).embedded_worker?
    end

    # @return [Rails::Templates] the application's
    # @api private
    def self.templates = @templates ||= Rails::Templates.new { ::Rails.application.paths["config/tasks"].existent }

    rake_tasks do
      load File.expand_path("tasks/tasker_core.rake", __dir__)
      Rails::SchemaDump.watch
    end
  end
end
