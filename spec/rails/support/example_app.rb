# frozen_string_literal: true

require "fileutils"
require "json"
require "net/http"
require "tmpdir"
require_relative "../../support/other_jruby"
require_relative "../../support/test_database"

# Copies of examples/rails_app, to be changed and run.
module ExampleApp
  ROOT = File.expand_path("../../..", __dir__)
  SOURCE = File.join(ROOT, "examples/rails_app")

  class << self
    # @return [String] the folder of a copy, which is gone after the run
    def copy
      folder = File.join(Dir.mktmpdir("tasker_rails"), "shop")
      FileUtils.cp_r(SOURCE, folder)
      at_exit { FileUtils.rm_rf(File.dirname(folder)) }
      folder
    end

    # @param arguments [Array<String>] JRuby's
    # @return [Integer] the process id
    def spawn(folder, *arguments, out:, env: {})
      OtherJRuby.spawn(*arguments, env: env, out: out, chdir: folder)
    end

    # Runs it to its end.
    #
    # @return [String] what it printed
    # @raise [RuntimeError] unless it ended well
    def run(folder, *arguments, env: {})
      out = File.join(Dir.mktmpdir, "out")
      _, status = Process.wait2(spawn(folder, *arguments, out: out, env: env))
      raise "#{arguments.join(' ')} ended with #{status.exitstatus}: #{File.read(out)}" unless status.success?

      File.read(out)
    end

    # The file of a command that a gem brings.
    def executable(gem, name) = Gem.bin_path(gem, name)

    # @return [Integer] a port that was free a moment ago
    def free_port
      server = TCPServer.new("127.0.0.1", 0)
      server.addr[1]
    ensure
      server&.close
    end
  end

  # A process that serves HTTP.
  class Server
    attr_reader :pid, :port, :log

    # Waits until it answers.
    def initialize(folder, *arguments, env: {}, port: ExampleApp.free_port, path: "/api/health")
      @port = port
      @log = File.join(Dir.mktmpdir, "log")
      @pid = ExampleApp.spawn(folder, *arguments, env: env.merge("PORT" => port.to_s), out: @log)
      wait_for(path)
    end

    def get(path) = Net::HTTP.get_response(URI("http://127.0.0.1:#{port}#{path}"))

    # @return [Hash, Array] of a JSON document
    def read(path) = JSON.parse(get(path).body)

    def post(path, **form) = Net::HTTP.post_form(URI("http://127.0.0.1:#{port}#{path}"), form)

    # @return [Process::Status]
    def stop(signal = "TERM")
      return if @stopped

      Process.kill(signal, pid)
      @stopped = Process.wait2(pid).last
    end

    private

    def wait_for(path, seconds: 300)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
      begin
        answer = get(path)
        raise "#{answer.code}: #{answer.body}" unless answer.is_a?(Net::HTTPSuccess)
      rescue SystemCallError, EOFError, RuntimeError => e
        ended = Process.wait2(pid, Process::WNOHANG)
        @stopped = ended.last if ended
        raise "no answer from #{path}: #{e.message}\n#{File.read(log)}" if ended || Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

        sleep 0.2
        retry
      end
    end
  end
end
