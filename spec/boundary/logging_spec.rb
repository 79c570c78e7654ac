# frozen_string_literal: true

require_relative "../support/workflows"

RSpec.describe "What the core logs" do
  include Workflows

  def core_logger(name) = Java::IoTaskercoreJruby::CoreLogProvider.new.logger_factory.get_logger(name)

  it "goes to the Ruby logger, with its level and its exception" do
    core_logger("io.taskercore.engine.Reaper").warn("lease {} lapsed", java.lang.Exception.new("reason"))

    expect(eventually { log.string.match?(/WARN.*lease .*reason/m) }).to be(true)
  end

  it "is quieter for what its libraries say" do
    core_logger("com.zaxxer.hikari.pool.HikariPool").info("library talk")
    core_logger("io.taskercore.engine.Reaper").info("our talk")

    expect(eventually { log.string.include?("our talk") }).to be(true)
    expect(log.string).not_to match(/INFO.*library talk/)
  end

  it "harms nobody when the logger raises" do
    TaskerCore.logger = Class.new(Logger) { def add(*) = raise("broken") }.new(nil)
    core_logger("io.taskercore.engine.Reaper").warn("into the void")
    sleep 0.1
    TaskerCore.logger = Logger.new(log)
    core_logger("io.taskercore.engine.Reaper").warn("heard again")

    expect(eventually { log.string.include?("heard again") }).to be(true)
  end

  describe "through a handler's context" do
    it "says which task, step, attempt and correlation id it is about" do
      step = run_step do |context|
        context.logger.info("charged")
        context.logger.warn { "twice" }
        context.logger.error(ArgumentError.new("odd"))
        context.logger.debug? && nil
      end
      task_id = step["step_id"] >> 16
      tag = "[task #{task_id} step #{step['step_id']} only attempt 1 correlation #{coordinator.task_context(task_id).correlation_id}]"

      expect(log.string).to include("INFO -- : #{tag} charged\n", "WARN -- : #{tag} twice\n", "ERROR -- : #{tag} ArgumentError: odd\n")
    end

    it "obeys the library's logger, whichever that is by then" do
      asked = false
      run_step do |context|
        context.logger.info("before")
        TaskerCore.logger = Logger.new(log, level: :error)
        context.logger.info { asked = true }
        context.logger.error("after")
        { "level" => context.logger.level, "info" => context.logger.info? }
      end

      expect(log.string).to match(/before.*after/m)
      expect(asked).to be(false)
    end
  end

  it "never holds a payload above debug" do
    run_step(payload: { secret: "hunter2" }) { raise "oops" }
    run_step(payload: { secret: "hunter2" }) { { "secret" => Float::NAN } }

    expect(log.string.lines.grep(/hunter2/)).to be_empty
  end
end
