# frozen_string_literal: true

require "json"
require "tasker_core"

RSpec.describe TaskerCore::JsonLog do
  let(:sink) { StringIO.new }
  let(:logger) { Logger.new(sink, progname: "shop", formatter: described_class.new) }

  def line = JSON.parse(sink.string.lines.last)

  it "makes a line an object, and tells what it is about" do
    logger.warn("[task 7 step 458753 send it attempt 2 correlation 0198-ab] failed for good: oops")
    expect(line).to include("level" => "warn", "program" => "shop", "pid" => Process.pid, "task_id" => 7, "step_id" => 458_753,
                            "step_name" => "send it", "attempt" => 2, "correlation_id" => "0198-ab", "message" => a_string_ending_with("oops"))
    logger.info("[task 7 shop/order] complete after 12 ms")
    expect(line).to include("task_id" => 7)
    logger.info("plain\ntwo lines")
    expect(line.keys).to eq(%w[time level program pid message])
    expect(sink.string.lines.size).to eq(3)
  end

  it "holds what has no JSON form" do
    logger.error("bad \xE9 byte")
    expect(line["message"]).to include("bad")
    logger.error(ArgumentError.new("raised"))
    expect(line["message"]).to eq("ArgumentError: raised")
    logger.info(5)
    expect(line["message"]).to eq("5")
  end

  it "is asked for by name" do
    expect([nil, "", "text", "json"].map { |format| described_class.for(format).class }).to eq([NilClass, NilClass, NilClass, described_class])
    expect { described_class.for("xml") }.to raise_error(ArgumentError, /text or json, not xml/)
  end
end
