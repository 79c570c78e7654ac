# frozen_string_literal: true

require "puma/plugin"

# +plugin :tasker_core+ in config/puma.rb: Puma's process works through tasks too, from when it serves until it stops.
Puma::Plugin.create do
  def start(launcher)
    events = launcher.events
    on(events, :booted) { TaskerCore::Rails::EmbeddedWorker.start }
    on(events, :stopped) { TaskerCore::Rails::EmbeddedWorker.stop }
    on(events, :restart) { TaskerCore::Rails::EmbeddedWorker.stop }
  end

  # Puma 7 has renamed what 5 and 6 call on_booted and so on.
  def on(events, moment, &block)
    name = { booted: :after_booted, stopped: :after_stopped, restart: :before_restart }.fetch(moment)
    events.public_send(events.respond_to?(name) ? name : :"on_#{moment}", &block)
  end
end
