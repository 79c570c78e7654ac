# frozen_string_literal: true

require "forwardable"
begin
  require "logger"
rescue LoadError
  # JRuby ships it as a gem of its own from Ruby 4.0 on, which Bundler hides from those who have not asked for it.
  raise LoadError, 'tasker_core needs the logger gem, which JRuby ships: add gem "logger" to the Gemfile'
end

# Durable DAG workflows for Ruby applications on JRuby.
#
#   TaskerCore.register_template(Pathname("order.yml"))
#   TaskerCore.register_handler("payments.charge") { |context| { "charged" => context.payload["amount"] } }
#   TaskerCore.handle_task(namespace: "shop", task_name: "order", payload: { amount: 12 })
#
# These are methods of the process's own {Coordinator}, see there for all of them. {.create_coordinator} makes others; they
# share what they can.
module TaskerCore
  # The library's own frames are under this path; the backtraces of its errors begin below them.
  LIBRARY_PATH = File.join(__dir__, "tasker_core")
  private_constant :LIBRARY_PATH
end

require_relative "tasker_core/version"
require_relative "tasker_core/errors"
require_relative "tasker_core/native"
require_relative "tasker_core/configuration"
require_relative "tasker_core/result"
require_relative "tasker_core/step_result"
require_relative "tasker_core/step_handler"
require_relative "tasker_core/step_logger"
require_relative "tasker_core/step_context"
require_relative "tasker_core/handler_registry"
require_relative "tasker_core/handler_threads"
require_relative "tasker_core/foreman"
require_relative "tasker_core/subscriber_thread"
require_relative "tasker_core/subscription"
require_relative "tasker_core/worker"
require_relative "tasker_core/template_source"
require_relative "tasker_core/callers_connection"
require_relative "tasker_core/coordinator"
require_relative "tasker_core/task_handler"
require_relative "tasker_core/process"
require_relative "tasker_core/monitor"
require_relative "tasker_core/railtie" if defined?(Rails::Railtie)
