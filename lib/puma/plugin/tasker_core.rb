# frozen_string_literal: true

require "puma/plugin"

# +plugin :tasker_core+ in config/puma.rb: Puma's process also works through tasks, from when it serves until it stops.
Puma::Plugin.create do
  def start(launcher)
    events = launcher.events
    on(events, :booted) { worker.start }
    on(events, :stopped) { worker.stop }
    on(events, :restart) { worker.stop }
  end

  # Loaded only when the application is there, so that this gem finds Rails if there is one. Other applications get a
  # worker too.
  def worker
    require "tasker_core"
    require "tasker_core/rails/embedded_worker"
    TaskerCore::Rails::EmbeddedWorker
  end

  # Puma 7 has renamed what Puma 5 and 6 call on_booted and so on.
  def on(events, moment, &block)
    name = { booted: :after_booted, stopped: :after_stopped, restart: :before_restart }.fetch(moment)
    events.public_send(events.respond_to?(name) ? name : :"on_#{moment}", &block)
  end
end
