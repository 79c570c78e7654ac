# frozen_string_literal: true

require "fileutils"
require "tmpdir"

RSpec.describe TaskerCore::Configuration do
  around { |example| Dir.mktmpdir { |root| (@root = root) && example.run } }

  def write(text)
    FileUtils.mkdir_p("#{@root}/config")
    File.write("#{@root}/config/tasker_core.yml", text)
  end

  def load(env = {}) = described_class.load(root: @root, env: env)

  def given(env = {}) = described_class.given(root: @root, env: env)

  it "has the defaults beneath all else" do
    expect(load).to include("max_parallel_steps" => 10, "lease_ms" => 5000, "environment" => "development")
    expect(load).not_to include("database_url")
    expect(load("TASKER_LEASE_MS" => "700")).to eq(load.merge("lease_ms" => 700))
  end

  it "takes blank variables for none" do
    expect(given("RAILS_ENV" => "", "RACK_ENV" => "staging")).to eq("environment" => "staging")
    expect(given("RAILS_ENV" => " ")).to eq("environment" => "development")
  end

  it "is just the environment when nothing is set" do
    expect(given).to eq("environment" => "development")
    expect(given("RAILS_ENV" => "staging")).to eq("environment" => "staging")
    expect(given("TASKER_ENV" => "test", "RAILS_ENV" => "staging", "RACK_ENV" => "other")).to eq("environment" => "test")
  end

  it "refuses a file with two documents, of which YAML would drop one" do
    write "test: { lease_ms: 1000 }\n---\ntest: { lease_ms: 2000 }\n"

    expect { given("TASKER_ENV" => "test") }.to raise_error(TaskerCore::ConfigurationError, /2 YAML documents.*line 2/)
  end

  it "takes the file's part for the environment, with ERB and aliases" do
    write <<~YAML
      default: &default
        max_parallel_steps: <%= 2 + 3 %>
        lease_ms: 1000
      test:
        <<: *default
        lease_ms: 2000
      production:
        <<: *default
    YAML

    expect(given("TASKER_ENV" => "test")).to eq("environment" => "test", "max_parallel_steps" => 5, "lease_ms" => 2000)
    expect(given("TASKER_ENV" => "none")).to eq("environment" => "none")
  end

  it "lets environment variables win" do
    write("development: { max_parallel_steps: 5, database_url: 'postgres://file/x' }")

    expect(given("TASKER_MAX_PARALLEL_STEPS" => "7", "DATABASE_URL" => "postgres://env/x"))
      .to include("max_parallel_steps" => 7, "database_url" => "postgres://env/x")
  end

  it "lets what the application sets in its code win over all, and takes its last resort from it" do
    write("development: { max_parallel_steps: 5 }\nstaging: { max_parallel_steps: 6, lease_ms: 2000 }")
    application = { max_parallel_steps: 9 }
    described_class.application = -> { application }
    described_class.fallback = { "environment" => "staging", "database_url" => "postgres://fallback/x" }

    expect(given("TASKER_MAX_PARALLEL_STEPS" => "7"))
      .to eq("environment" => "staging", "max_parallel_steps" => 9, "lease_ms" => 2000, "database_url" => "postgres://fallback/x")
    application = { environment: "development" }
    expect(given("TASKER_ENV" => "test", "DATABASE_URL" => "postgres://env/x"))
      .to eq("environment" => "development", "max_parallel_steps" => 5, "database_url" => "postgres://env/x")
  ensure
    described_class.application = described_class.fallback = nil
  end

  it "has a variable for each key" do
    env = { "TASKER_STEP_TIMEOUT_MS" => "100", "TASKER_DB_POOL_SIZE" => "9", "TASKER_AUTO_MIGRATE" => "true",
            "TASKER_NAMESPACES" => "a,b", "TASKER_MAX_CRASHES" => "", "HOME" => "/" }

    expect(described_class.load_from_env(env))
      .to eq("step_timeout_ms" => 100, "database_pool_size" => 9, "auto_migrate" => true, "namespaces" => %w[a b])
    expect(described_class.keys).to all(include("key", "env", "doc", "default"))
    expect(described_class.keys.map { |key| key["env"] }).to all(be_any)
  end

  it "refuses a value that won't do, naming its variable" do
    expect { load("TASKER_MAX_PARALLEL_STEPS" => "many") }
      .to raise_error(TaskerCore::ConfigurationError, /TASKER_MAX_PARALLEL_STEPS/)
  end

  it "takes what is nil or blank for not set" do
    write("development: { database_url: <%= nil %>, environment: '', lease_ms: 2000, max_parallel_steps: 5, retry_limits: ~ }")
    described_class.fallback = { "database_url" => "postgres://fallback/x" }
    described_class.application = { lease_ms: nil, "max_parallel_steps" => " " }

    expect(given).to eq("environment" => "development", "database_url" => "postgres://fallback/x", "lease_ms" => 2000, "max_parallel_steps" => 5)
  ensure
    described_class.application = described_class.fallback = nil
  end

  it "refuses a file whose ERB fails, naming it" do
    ['ENV.fetch("TASKER_NO_SUCH")', "raise NotImplementedError", "1 +", "exit_on = nil; exit_on.now"].each do |code|
      write("development: { database_url: <%= #{code} %> }")
      expect { load }.to raise_error(TaskerCore::ConfigurationError, /cannot read .*tasker_core\.yml: ./)
    end
  end

  it "refuses a file that can't be read" do
    write("development: [")
    expect { load }.to raise_error(TaskerCore::ConfigurationError, /tasker_core\.yml/)

    write("- 1")
    expect { load }.to raise_error(TaskerCore::ConfigurationError, /mapping/)

    write("development: 5")
    expect { load }.to raise_error(TaskerCore::ConfigurationError, /development/)
  end
end
