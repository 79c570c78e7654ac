# frozen_string_literal: true

require "socket"
require_relative "support/example_app"
require_relative "../support/patience"
require_relative "../../support/rails/war"

# The example in a servlet container, by jruby-rack, with workers in it.
RSpec.describe "A Rails application in a servlet container" do
  include Patience

  # In continuous integration; 20 is what it is to survive.
  REDEPLOYMENTS = Integer(ENV.fetch("REDEPLOYMENTS", 3))

  before(:all) { @url = TestDatabase.create }

  after(:all) { TestDatabase.drop(@url) }

  after { @server&.stop }

  def serve(runtimes:)
    @control = ExampleApp.free_port
    folder = ExampleApp.copy
    war = War.build(folder, "#{folder}-war", runtimes: runtimes)
    env = { "DATABASE_URL" => @url, "RAILS_ENV" => "production", "TASKER_EMBEDDED_WORKER" => "true", "CONTROL_PORT" => @control.to_s,
            "RAILS_LOG_TO_STDOUT" => "1", "GEM_PATH" => ENV.fetch("RAILS_SERVLET_GEM_PATH", ENV.fetch("GEM_PATH", nil)) }
    @server = ExampleApp::Server.new(folder, "#{ExampleApp::ROOT}/support/rails/jetty.rb", war, env: env)
  end

  def tell(command)
    TCPSocket.open("127.0.0.1", @control) do |socket|
      socket.puts(command)
      JSON.parse(socket.gets)
    end
  end

  # An order goes all its way.
  def order
    id = JSON.parse(@server.post("/api/orders", customer: "Ada", item: "tea").body)["id"]
    expect(eventually(120) { @server.read("/api/orders/#{id}")["state"] == "finished" }).to be_truthy, File.read(@server.log)
  end

  def connections
    TestDatabase.execute("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
                         url: @url).first["n"]
  end

  def expect_clean_redeployments(count)
    count.times do
      order
      expect(tell("undeploy")).to eq("threads" => []), File.read(@server.log)
      expect(eventually(120) { connections.zero? }).to be(true)
      expect(tell("deploy")).to include("threads")
    end
    order
  end

  it "answers and works, and leaves no thread or connection when its context goes" do
    serve(runtimes: 1)

    expect(@server.get("/").body).to include("The shop")
    expect_clean_redeployments(REDEPLOYMENTS)
  end

  it "does so with several runtimes, which share what there is one of" do
    serve(runtimes: 2)
    order

    expect(TestDatabase.execute("SELECT count(*) AS n FROM tasker.processes WHERE lease_until > now()", url: @url)).to eq(["n" => 1])
    expect_clean_redeployments(1)
  end
end
