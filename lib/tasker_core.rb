# frozen_string_literal: true

# Loaded with the first message: RubyGems reads the specifications of all gems for it, which takes longer than
# everything else here.
autoload :Logger, "logger"

# From Ruby 4.0 on Bundler hides logger from applications that have not asked for it. They learn that now, not with the
# first message.
if defined?(Bundler)
  begin
    require "logger"
  rescue LoadError
    raise LoadError, 'tasker_core needs the logger gem, which JRuby ships: add gem "logger" to the Gemfile'
  end
end

# Durable DAG workflows for Ruby applications on JRuby.
#
#   TaskerCore.register_template(Pathname("order.yml"))
#   TaskerCore.register_handler("payments.charge") { |context| { "charged" => context.payload["amount"] } }
#   TaskerCore.handle_task(namespace: "shop", task_name: "order", payload: { amount: 12 })
#
# These are methods of the process's own {Coordinator}, which documents all of them. {.create_coordinator} makes others;
# they share what they can.
module TaskerCore
  # The library's own frames are under this path; the backtraces of its errors begin below them.
  LIBRARY_PATH = File.join(__dir__, "tasker_core")
  private_constant :LIBRARY_PATH

  autoload :HandlerHint, File.join(LIBRARY_PATH, "handler_hint")
  autoload :JsonLog, File.join(LIBRARY_PATH, "json_log")
  autoload :StepLogger, File.join(LIBRARY_PATH, "step_logger")
end

require_relative "tasker_core/version"
require_relative "tasker_core/errors"
require_relative "tasker_core/native"
require_relative "tasker_core/log"
require_relative "tasker_core/configuration"
require_relative "tasker_core/result"
require_relative "tasker_core/step_result"
require_relative "tasker_core/step_handler"
require_relative "tasker_core/step_context"
require_relative "tasker_core/handler_registry"
require_relative "tasker_core/handler_threads"
require_relative "tasker_core/worker_supervisor"
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
