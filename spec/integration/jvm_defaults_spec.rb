# frozen_string_literal: true

require "json"
require "tmpdir"
require_relative "../support/other_jruby"
require_relative "../support/workflows"

# What a JVM has by default is an accident of the machine: its language with digits of its own, its charset, its time zone.
RSpec.describe "In a JVM of another country" do
  include Workflows

  ONE_LIFE = <<~'RUBY'
    # encoding: utf-8
    require "tasker_core"
    require "json"
    log = []
    TaskerCore.logger = Logger.new(File.open(ENV.fetch("LOG"), "w:UTF-8"), level: :info)
    coordinator = TaskerCore.create_coordinator_with_config(database_url: ENV.fetch("DATABASE_URL"), auto_migrate: true)
    class Prüfe; def call(context) = { "größe" => context.payload["größe"], "n" => 1_234_567, "x" => 1.5, "at" => Time.at(0) }; end
    coordinator.register_handler("scheitert") { |x| x.logger.info("zu groß: ५") && raise("zu groß: ५") }
    steps = [{ name: "prüfen", handler: "Prüfe" }, { name: "b", handler: "scheitert", depends_on: ["prüfen"], retry: { max_attempts: 1 } }]
    %w[1.9.0 1.10.0].each { |version| coordinator.register_template(name: "zählen", version: version, steps: steps) }
    run = coordinator.handle_task(task_name: "zählen", payload: { "größe" => "५ Äpfel" })
    task = coordinator.task_context(run.task_id)
    refused = [{ limit: 0 }, { status: "none" }].map { |filter| coordinator.list_tasks(filter) rescue $!.message }
    later = coordinator.initialize_task(task_name: "zählen", run_at: "2100-01-01T00:00:00Z").task_id
    answer = { version: task["version"], status: run.status, refused: refused, explained: coordinator.explain(later)["steps"],
               steps: task["steps"].map { |step| [step["name"], step["result"], step["error"]&.slice("message")] } }
    coordinator.close
    File.binwrite(ENV.fetch("OUT"), JSON.generate(answer))
  RUBY

  # @return [Array(Hash, String)] what the program found, and what it logged
  def life(*flags, env: {})
    Dir.mktmpdir do |folder|
      url = TestDatabase.create
      program, out, log, streams = %w[program.rb out log streams].map { |name| File.join(folder, name) }
      File.binwrite(program, ONE_LIFE)
      env = { "DATABASE_URL" => url, "OUT" => out, "LOG" => log }.merge(env)
      Process.wait(OtherJRuby.spawn(program, env: env, out: streams, flags: flags))
      raise File.read(streams) unless File.file?(out)

      [JSON.parse(File.read(out, encoding: "UTF-8")), File.read(log, encoding: "UTF-8")]
    end
  end

  let(:found) do
    { "version" => "1.10.0", "status" => "error",
      "refused" => [/limit: must be an integer from 1 to 1000, not the number 0/, /status: must be one of/],
      "explained" => [include("name" => "prüfen", "detail" => "may begin at 2100-01-01T00:00:00.000Z"), include("name" => "b")],
      "steps" => [["prüfen", { "größe" => "५ Äpfel", "n" => 1_234_567, "x" => 1.5, "at" => /\A1970-01-01T|\A1969-12-31T/ }, nil],
                  ["b", nil, { "message" => "zu groß: ५" }]] }
  end

  {
    "Marathi" => %w[mr IN], "Arabic" => %w[ar EG], "Turkish" => %w[tr TR]
  }.each do |name, (language, country)|
    it "does what it does elsewhere, when its language is #{name}" do
      answer, log = life("-Duser.language=#{language}", "-Duser.country=#{country}")

      expect(answer).to match(found)
      expect(log).to match(/INFO.*\[task 1 step \d+ b attempt 1 correlation \S+\] zu groß: ५$/)
    end
  end

  it "does what it does elsewhere, when its charset is Latin-1" do
    answer, log = life("-Dfile.encoding=ISO-8859-1")

    expect(answer).to match(found)
    expect(log).to match(/WARN.*failed for good: RuntimeError: zu groß: ५$/)
  end

  # The driver tells PostgreSQL the name of the JVM's zone, and PostgreSQL knows none of Java's short names.
  { "IST" => { env: { "TZ" => "IST" } }, "PST" => { flags: ["-Duser.timezone=PST"] } }.each do |zone, given|
    it "connects when its time zone is #{zone}, and says so" do
      answer, log = life(*given[:flags], env: given.fetch(:env, {}))

      expect(answer).to match(found)
      expect(log).to match(/WARN.*PostgreSQL does not know the JVM's time zone #{zone}; it is called \w+\/\w+ from now on/)
    end
  end
end
