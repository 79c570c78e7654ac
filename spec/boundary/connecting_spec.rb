# frozen_string_literal: true

require "securerandom"
require "socket"
require_relative "../support/workflows"

# What is wrong with a database's URL, or on the way to the database, is told so that it can be mended.
RSpec.describe "Connecting" do
  include Workflows

  def connect(url) = TaskerCore.create_coordinator_with_config(database_url: url, connection_timeout_ms: 3_000).close

  def with(**parameters) = "#{@url}?#{URI.encode_www_form(parameters)}"

  # @return [String] where the URL is as it is, but for these parts
  def elsewhere(userinfo: "postgres", **parts)
    uri = URI(@url)
    { **parts, userinfo: userinfo }.each { |name, value| uri.public_send(:"#{name}=", value) }
    uri.to_s
  end

  {
    "a Unix socket" => ["%2Fvar%2Frun%2Fpostgresql", /names a Unix socket/],
    "a socket without a name in the file system" => ["%40postgres", /names a Unix socket/],
    "a slash" => ["a%2Fhunter2", /host/],
    "a question mark" => ["a%3Fhunter2", /host/],
    "a hash" => ["a%23hunter2", /host/],
    "a blank" => ["a%20hunter2", /host/],
    "a percent sign" => ["a%2540hunter2", /host/],
    "a port" => ["a%3A99999", /host/],
    "a comma" => ["a%2Chunter2", /host/],
    "a line break" => ["a%0Ahunter2", /host/]
  }.each do |name, (host, message)|
    it "is a ConfigurationError where %XX in the host stand for #{name}" do
      expect { connect("postgres://postgres@#{host}/shop") }.to raise_error(TaskerCore::ConfigurationError) { |error|
        expect(error.message).to start_with("database_url: ").and match(message)
        expect(error.message).not_to include("hunter2")
      }
    end
  end

  {
    { connect_timeout: "soon" } => /connectTimeout \(connect_timeout\)/,
    { socketTimeout: "x" } => /socketTimeout/,
    { prepareThreshold: "x" } => /prepareThreshold/,
    { target_session_attrs: "bogus" } => /targetServerType \(target_session_attrs\)/,
    { gssencmode: "bogus" } => /gssEncMode \(gssencmode\)/,
    { channel_binding: "bogus" } => /channelBinding \(channel_binding\)/,
    { socketFactory: "no.Such" } => /socketFactory/,
    { protocolVersion: "9" } => /protocolVersion/,
    { stringtype: "x" } => /stringtype/,
    { autosave: "x" } => /autosave/,
    { maxResultBuffer: "zz" } => /maxResultBuffer/,
    { requireAuth: "zz" } => /requireAuth/,
    { service: "nowhere" } => /service/,
    { options: "-c nonsense=1" } => /options.*nonsense/,
    { options: "-c work_mem=lots" } => /options.*work_mem/,
    { sslmode: "require" } => /sslmode=require.*TLS/,
    { sslmode: "verify-full", sslrootcert: "/nowhere" } => /sslmode=verify-full.*TLS/
  }.each do |parameters, message|
    it "is a ConfigurationError that names the parameter where #{parameters} is refused" do
      [true, false].each do |migrates|
        expect { migrates ? TaskerCore.migrate!(with(**parameters)) : connect(with(**parameters)) }
          .to raise_error(TaskerCore::ConfigurationError, /\Adatabase_url: .*#{message}/m)
      end
    end
  end

  it "says where it failed and why, and nothing that is secret" do
    port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
    {
      elsewhere(host: "127.0.0.1", port: port) => [/postgres@127\.0\.0\.1:#{port}#{URI(@url).path}: .*[Rr]efused/, "08001", true],
      elsewhere(host: "nowhere.invalid") => [/@nowhere\.invalid:\d+.*unknown host nowhere\.invalid/, "08001", true],
      elsewhere(path: "/nowhere") => [/#{URI(@url).port}\/nowhere: database "nowhere" does not exist/, "3D000", false],
      elsewhere(userinfo: "nobody:hunter2") => [/nobody@.*: role "nobody" does not exist/, "28000", false]
    }.each do |url, (message, state, transient)|
      expect { connect(url) }.to raise_error(TaskerCore::DatabaseError) { |error|
        expect(error.message).to match(message)
        expect([error.sql_state, error.transient?]).to eq([state, transient])
      }
    end
    expect(log.string).not_to include("hunter2")
  end

  describe "as a user without rights" do
    around do |example|
      @role = "limited_#{SecureRandom.hex(4)}"
      TestDatabase.execute("CREATE ROLE #{@role} LOGIN", url: @url)
      example.run
    ensure
      TestDatabase.execute("DROP OWNED BY #{@role}; DROP ROLE #{@role}", url: @url)
    end

    def refusal
      yield
      raise "nothing was refused"
    rescue TaskerCore::DatabaseError => e
      expect(e.sql_state).to eq("42501")
      e.message
    end

    def of_tables = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tasker TO the user that connects"

    def as_role(url = @url) = URI(url).tap { |uri| uri.userinfo = @role }.to_s

    it "is told what is missing: the schema, its tables, their change, the database" do
      expect(refusal { connect(as_role) })
        .to include("permission denied for schema tasker", "GRANT USAGE ON SCHEMA tasker TO the user that connects")
      TestDatabase.execute("GRANT USAGE ON SCHEMA tasker TO #{@role}", url: @url)
      TestDatabase.execute("GRANT SELECT ON ALL TABLES IN SCHEMA tasker TO #{@role}", url: @url)
      other = TaskerCore.create_coordinator_with_config(database_url: as_role)
      expect(refusal { other.register_template(name: "n", version: "1.0.0", steps: [{ name: "a", handler: "h" }]) })
        .to match(/permission denied for table \w+.*#{of_tables}/)
    ensure
      other&.close
    end

    it "is told so of a database where it may not make the schema, or not be" do
      empty = TestDatabase.create
      name = URI(empty).path.delete_prefix("/")
      expect(refusal { TaskerCore.migrate!(as_role(empty)) })
        .to include("permission denied for database #{name}", "GRANT CREATE ON DATABASE #{name} TO the user that connects")

      TestDatabase.execute("REVOKE CONNECT ON DATABASE #{name} FROM PUBLIC", url: empty)
      expect(refusal { connect(as_role(empty)) })
        .to include("permission denied for database \"#{name}\"", "GRANT CONNECT ON DATABASE #{name} TO the user that connects")
    end
  end
end
