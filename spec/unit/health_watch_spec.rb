# frozen_string_literal: true

require "logger"
require "stringio"
require "tmpdir"
require "tasker_core/cli"
require_relative "../support/patience"

RSpec.describe TaskerCore::CLI::HealthWatch do
  include Patience

  # Answers what it is given, and waits until it is given something: so does a database that is slow. An error is raised.
  let(:answers) { Queue.new }

  let(:coordinator) do
    answers = self.answers
    Object.new.tap do |coordinator|
      coordinator.define_singleton_method(:health) do
        answer = answers.pop || { "status" => "down", "reasons" => ["the example is over"] }
        answer.is_a?(Exception) ? raise(answer) : answer
      end
    end
  end

  let(:watch) { described_class.new(coordinator) }

  around do |example|
    TaskerCore.logger = Logger.new(@log = StringIO.new)
    example.run
  ensure
    TaskerCore.logger = nil
  end

  # Looks that wait end with the block.
  def watching(on = watch)
    on.keep do
      yield
    ensure
      answers.close
    end
  end

  it "is down before the first look, and keeps nobody waiting for that" do
    watching { expect(watch.last).to eq("status" => "down", "reasons" => ["the health has not been looked at yet"], "checked_ms_ago" => nil) }
  end

  it "has what the first look saw when the block begins" do
    answers << { "status" => "degraded", "reasons" => ["slow"], "workers" => 1 }

    watching do
      expect(watch.last).to include("status" => "degraded", "reasons" => ["slow"], "workers" => 1, "checked_ms_ago" => be_between(0, 10_000))
    end
    expect(@log.string).to include("health: ok → degraded; slow")
  end

  it "tells the last look's age, and is down when that is too old" do
    answers << { "status" => "ok", "reasons" => [] }

    watching do
      seen = Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)
      allow(watch).to receive(:now_ms).and_return(seen + 9_000)
      expect(watch.last).to include("status" => "ok", "checked_ms_ago" => be_between(9_000, 14_000))
      allow(watch).to receive(:now_ms).and_return(seen + 60_000)
      expect(watch.last).to include("status" => "down", "reasons" => [/\Athe health was last looked at 6\d{4} ms ago\z/])
    end
  end

  it "is down where the coordinator cannot tell" do
    answers << TaskerCore::ClosedError.new("the coordinator is closed")

    watching { expect(watch.last).to include("status" => "down", "reasons" => ["the coordinator is closed"]) }
    expect(@log.string).to include("health: ok → down; the coordinator is closed")
  end

  it "does not touch the file while the status is down" do
    file = instance_double(TaskerCore::CLI::HealthFile, delete: nil)
    answers << { "status" => "down", "reasons" => ["gone"] }

    expect(file).not_to receive(:write)
    watching(watch = described_class.new(coordinator, file)) { expect(watch.last).to include("status" => "down") }
  end

  it "writes what it saw to a file, which goes with it" do
    Dir.mktmpdir do |folder|
      path = File.join(folder, "health")
      answers << { "status" => "ok", "reasons" => [] }
      watching(described_class.new(coordinator, TaskerCore::CLI::HealthFile.new(path))) do
        expect(eventually { File.exist?(path) }).to be(true)
        expect(File.read(path)).to eq(%({"status":"ok","reasons":[]}\n))
      end

      expect(Dir.children(folder)).to eq([])
    end
  end

  it "goes on where the file cannot be written" do
    answers << { "status" => "ok", "reasons" => [] }

    watching(watch = described_class.new(coordinator, TaskerCore::CLI::HealthFile.new("/nowhere/health"))) do
      expect(eventually { @log.string.include?("/nowhere/health") }).to be(true)
      expect(watch.last).to include("status" => "ok")
    end
  end
end
