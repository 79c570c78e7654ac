# frozen_string_literal: true

namespace :tasker_core do
  desc "Create the schema tasker in the database, or upgrade it"
  task migrate: :environment do
    TaskerCore.migrate!
  end

  desc "Work through tasks until told to stop (as `tasker work` does, which has options)"
  task work: :environment do
    require "tasker_core/cli"
    exit TaskerCore::CLI.run(["work"])
  end

  desc "Register the templates in config/tasks, and list them"
  task templates: :environment do
    TaskerCore::Railtie.templates.register(TaskerCore.coordinator).each do |template|
      puts format("%-40s %-10s %d steps", "#{template.namespace}/#{template.name}", template.version, template.step_count)
    end
  end
end
