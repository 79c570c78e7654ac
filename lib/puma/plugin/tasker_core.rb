# frozen_string_literal: true

require "puma/plugin"

# +plugin :tasker_core+ in config/puma.rb: Puma's process works through tasks too, from when it serves until it stops.
Puma::Plugin.create do
  def start(launcher)
    events = launcher.events
    on(events, :booted) { worker.start }
    on(events, :stopped) { worker.stop }
    on(events, :restart) { worker.stop }
  end

  # Not before the application is there: with Rails, this gem is to find it. Any other has a worker too.
  def worker
    require "tasker_core"
    require "tasker_core/rails/embedded_worker"
    TaskerCore::Rails::EmbeddedWorker
  end

  # Puma 7 has renamed what 5 and 6 call on_booted and so on.
  def on(events, moment, &block)
    name = { booted: :after_booted, stopped: :after_stopped, restart: :before_restart }.fetch(moment)
    events.public_send(events.respond_to?(name) ? name : :"on_#{moment}", &block)
  end
end
