# frozen_string_literal: true

require "ripper"

# Ruby's side converts and delegates: what the core decides is written down in the core alone.
RSpec.describe "The Ruby side" do
  FILES_OF_OURS = Dir[File.expand_path("../../lib/**/*.rb", __dir__)]

  # Of tasks and steps; `error` and `complete` are words of other trades too.
  STATES = /\A(pending|in_progress|enqueued|waiting_for_retry|cancelled|skipped|resolved_manually|all_complete|blocked_by_failures)\z/

  SQL = /\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|SCHEMA|INDEX)|LISTEN|NOTIFY|pg_\w+)\b/

  # @return [Array<String>] the texts of a kind in the code, comments apart, each with its place
  def tokens(*kinds)
    FILES_OF_OURS.flat_map do |file|
      Ripper.lex(File.read(file)).select { |_, kind,| kinds.include?(kind) }.map { |(line, _), _, text| [text, "#{file}:#{line}"] }
    end
  end

  def texts = tokens(:on_tstring_content)

  it "is looked at" do
    expect(FILES_OF_OURS.size).to be > 20
    expect(texts.size).to be > 100
  end

  it "has no SQL" do
    expect(texts.select { |text, _| SQL.match?(text) }).to eq([])
  end

  # The RSpec kit apart: what its matchers expect of a task, and say of it, are its states.
  it "has no state names" do
    symbols = tokens(:on_ident, :on_label).select { |text, _| STATES.match?(text.delete_suffix(":")) }
    named = (texts.select { |text, _| STATES.match?(text) } + symbols).reject { |_, place| place.include?("/tasker_core/rspec/") }

    expect(named).to eq([])
  end

  # What the application's logger raises is to harm nobody: TaskerCore::Log sees to it.
  it "writes to the application's logger in one place, and by a handler's context" do
    places = FILES_OF_OURS.flat_map do |file|
      code = Ripper.lex(File.read(file)).reject { |_, kind,| %i[on_comment on_sp].include?(kind) }.map { |token| token[2] }.join
      code.match?(/TaskerCore\.logger(?!=)\b/) ? [File.basename(file)] : []
    end

    expect(places.sort).to eq(%w[log.rb step_logger.rb])
  end

  it "computes no delay" do
    names = texts + tokens(:on_ident, :on_label, :on_const)

    expect(names.select { |text, _| /base_ms|backoff|max_ms/.match?(text) }).to eq([])
  end
end
