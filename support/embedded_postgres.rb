# frozen_string_literal: true

require "fileutils"
require "java"
require "tmpdir"

# A PostgreSQL server of our own for the demo, the console and the tests. It starts in seconds, on a free port of
# 127.0.0.1, with its data in a temporary folder that is removed with it. `need postgres` in support/setup.sh has
# fetched it.
#
#   server = EmbeddedPostgres.start(version: "18")
#   server.url      # => "postgres://postgres@127.0.0.1:41234/postgres"
#   server.restart  # the same port, the same data
#   server.stop     # also when the process ends
class EmbeddedPostgres
  ROOT = File.expand_path("..", __dir__)

  # The library turns these off. A server that must show what a commit costs needs them on.
  DURABLE = { "fsync" => "on", "synchronous_commit" => "on", "full_page_writes" => "on" }.freeze

  # Room for several pools at once; UTC, so that printed times are the same everywhere; prepared transactions, as some
  # servers have them.
  SETTINGS = { "max_connections" => "300", "timezone" => "UTC", "max_prepared_transactions" => "10" }.freeze

  # A process beside ours that waits until we close the pipe or die, by whatever signal. It leaves nothing behind.
  GUARD = <<~SHELL
    trap "" INT TERM HUP
    read -r _
    if [ -f "$1/postmaster.pid" ]; then kill -QUIT "$(head -n 1 "$1/postmaster.pid")"; sleep 1; fi
    rm -rf "$1" "$1.log"
  SHELL

  attr_reader :port

  # @param version [String] the line of PostgreSQL: "18" or "14"
  # @param durable [Boolean] whether a commit reaches the disk
  # @param settings [Hash{String=>String}] of postgresql.conf
  # @return [EmbeddedPostgres] accepting connections
  def self.start(version: "18", durable: true, settings: {})
    new(version, SETTINGS.merge(durable ? DURABLE : {}, settings))
  end

  def url(database = "postgres") = "postgres://postgres@127.0.0.1:#{port}/#{database}"

  def restart
    halt
    launch
  end

  def stop
    return unless @data

    halt
    @guard.close
    @data = nil
  end

  private

  def initialize(version, settings)
    @folder = load_jars(version)
    @settings = settings
    @data = Dir.mktmpdir("tasker-postgres-")
    @guard = IO.popen(["sh", "-c", GUARD, "guard", @data], "w")
    at_exit { stop }
    prepare_data
    launch
  end

  # @return [String] the folder with the files of this version
  def load_jars(version)
    number = File.read(File.join(ROOT, "pom.xml"))[/<postgres-#{version}\.version>(.*?)</, 1] or
      raise ArgumentError, "no PostgreSQL #{version.inspect} here: 18 or 14"
    folder = File.join(ROOT, "build/postgres", number)
    jars = Dir[File.join(folder, "*.jar")]
    raise "PostgreSQL #{number} has not been fetched: run bin/setup" if jars.empty?

    java.lang.System.set_property("slf4j.internal.verbosity", "ERROR") # no logger is bound, and none is wanted
    [*jars, *driver].each { |jar| require jar }
    folder
  end

  # The JDBC driver: the gem's, unless an installed gem has brought it already.
  def driver
    loaded = defined?(Java::OrgPostgresql::Driver)
    loaded ? [] : [File.join(ROOT, "lib/tasker_core/jars/postgresql.jar")]
  end

  # initdb takes longer than everything else, so its result is kept, and copied for each server.
  def prepare_data
    template = File.join(@folder, "data")
    return copy(template, @data) if File.directory?(template)

    launch
    halt
    draft = "#{template}.#{Process.pid}"
    copy(@data, draft)
    File.rename(draft, template) unless File.directory?(template)
  ensure
    FileUtils.rm_rf(draft) if draft
  end

  def copy(from, to)
    FileUtils.mkdir_p(to, mode: 0o700)
    system("cp", "-a", "#{from}/.", to, exception: true)
  end

  def launch
    builder = Java::IoZonkyTestDbPostgresEmbedded::EmbeddedPostgres.builder
    builder.set_override_working_directory(java.io.File.new(@folder)) # the server is unpacked there
    builder.set_data_directory(@data)
    builder.set_clean_data_directory(false)
    builder.set_register_shutdown_hook(false)
    builder.set_locale_config("locale", "C")
    builder.set_port(@port) if @port
    @settings.each { |name, value| builder.set_server_config(name, value) }
    output = java.lang.ProcessBuilder::Redirect.append_to(java.io.File.new(log))
    builder.set_output_redirector(output).set_error_redirector(output)
    @server = builder.start
    @port = @server.port
  end

  def halt
    @server&.close
    @server = nil
  end

  def log = "#{@data}.log"
end
