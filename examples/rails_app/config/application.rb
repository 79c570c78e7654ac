# frozen_string_literal: true

require_relative "boot"

require "rails"
require "action_controller/railtie"
require "action_view/railtie"
require "sequel"
require "tasker_core"

module Shop
  class Application < Rails::Application
    config.load_defaults "#{Rails::VERSION::MAJOR}.#{Rails::VERSION::MINOR}"
    config.root = File.expand_path("..", __dir__)

    config.hosts.clear
    config.secret_key_base = ENV.fetch("SECRET_KEY_BASE", "no session, no cookie: there is nothing to sign")
    config.log_level = ENV.fetch("LOG_LEVEL", "info").to_sym
    config.logger = ActiveSupport::Logger.new($stdout, formatter: config.log_formatter) if ENV["RAILS_LOG_TO_STDOUT"]
  end
end
