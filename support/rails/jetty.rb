# frozen_string_literal: true

# jetty.rb WAR: Jetty with one exploded war, on $PORT. A line on $CONTROL_PORT tells it to `undeploy` the war, or to
# `deploy` it again. It answers with a line of JSON: the names of our threads that exist then.
require "json"
require "socket"
require_relative "war"

Dir["#{War::ROOT}/build/servlet/#{War.line}/*.jar"].each { |jar| require jar unless jar.include?("jruby-rack") }

class Jetty
  CONTEXTS = {
    "jakarta" => "org.eclipse.jetty.ee10.webapp.WebAppContext",
    "javax" => "org.eclipse.jetty.ee8.webapp.WebAppContext"
  }.freeze

  # How long threads that are ending may take, in seconds.
  PATIENCE = 30

  def initialize(war, port)
    @war = war
    @server = org.eclipse.jetty.server.Server.new(port)
    @contexts = org.eclipse.jetty.server.handler.ContextHandlerCollection.new
    @server.handler = @contexts
  end

  def start
    deploy
    @server.start
    raise @context.unavailable_exception if @context.unavailable_exception
  end

  # @param command [String]
  # @return [Hash] the names of our +threads+ that exist; after `undeploy`, of those that outlive their context
  def obey(command)
    case command
    when "undeploy" then undeploy
    when "deploy"
      deploy
      @context.start
    else return { error: "undeploy or deploy, not #{command}" }
    end
    { threads: command == "undeploy" ? threads_left : threads }
  rescue StandardError, java.lang.Throwable => e
    { error: "#{e.class}: #{e.message}" }
  end

  def stop = @server.stop

  # Waits for its end.
  def join = @server.join

  private

  def deploy
    @context = JavaUtilities.get_proxy_class(CONTEXTS.fetch(War.line)).new
    @context.context_path = "/"
    @context.war = @war
    @context.parent_loader_priority = true
    @context.throw_unavailable_on_startup_exception = true
    @contexts.add_handler(handler)
  end

  def undeploy
    @contexts.remove_handler(handler)
    @context.stop
    @context.destroy
  end

  # The context of the older API is wrapped for Jetty's core.
  def handler = War.line == "javax" ? @context.core_context_handler : @context

  def threads_left
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + PATIENCE
    sleep 0.1 until threads.empty? || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    threads
  end

  def threads = java.lang.Thread.all_stack_traces.key_set.map(&:name).grep(/tasker|hikari|postgres|sequel/i)
end

jetty = Jetty.new(ARGV.fetch(0), Integer(ENV.fetch("PORT")))
jetty.start
Signal.trap("TERM") { Thread.new { jetty.stop } }
Signal.trap("INT") { Thread.new { jetty.stop } }

if ENV["CONTROL_PORT"]
  control = TCPServer.new("127.0.0.1", Integer(ENV["CONTROL_PORT"]))
  Thread.new do
    loop do
      client = control.accept
      client.puts(JSON.generate(jetty.obey(client.gets.to_s.strip)))
    ensure
      client&.close
    end
  end
end
jetty.join
