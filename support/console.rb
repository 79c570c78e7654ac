# frozen_string_literal: true

# What bin/console runs: IRB with a coordinator, on $DATABASE_URL or on a PostgreSQL of its own.

require "irb"
require "tasker_core"

database_url = ENV.fetch("DATABASE_URL") do
  require_relative "embedded_postgres"
  EmbeddedPostgres.start.url
end

TaskerCore.migrate!(database_url)
COORDINATOR = TaskerCore.create_coordinator(database_url)
TaskerCore.swap_coordinator(COORDINATOR) # so that TaskerCore.initialize_task and the like use it too

def coordinator = COORDINATOR

puts "tasker_core #{TaskerCore::VERSION} on #{RUBY_ENGINE} #{JRUBY_VERSION}; `coordinator` is ready, its database is"
puts database_url
IRB.start
COORDINATOR.close
