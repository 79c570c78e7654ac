# frozen_string_literal: true

require "json"

# How a benchmark tells what it measured: one JSON line per result on standard output, its progress on standard error.
class Report
  # @return [String] the first line of a benchmark's comment
  def self.summary(file) = File.foreach(file).grep(/\A# [A-Z]/).first.to_s.delete_prefix("# ").strip

  # @param bench [String] the benchmark's name
  # @param settings [Hash] what the figures depend on
  def initialize(bench, settings)
    @bench = bench
    @settings = settings
  end

  def progress(text) = warn("#{@bench}: #{text}")

  # @param values [Array<Numeric>] one of each round
  # @param references [Array<Numeric>, nil] of the same rounds; the ratio is the median of the rounds' ratios, and there is
  #   none where a reference is 0
  # @param value [Numeric] where it is not the median, as of what adds up over the rounds
  # @param settings [Hash] what this figure depends on beside the benchmark's own
  def result(metric, values, unit:, references: nil, value: median(values), settings: {})
    ratios = references&.zip(values)&.map { |reference, value| value / reference } unless references&.any?(&:zero?)
    puts JSON.generate(
      bench: @bench, metric: metric, value: rounded(value), unit: unit,
      reference: references && rounded(median(references)), ratio: ratios && rounded(median(ratios)),
      rounds: values.size, spread: [rounded(values.min), rounded(values.max)],
      settings: @settings.merge(settings), versions: versions
    )
    $stdout.flush
  end

  # @return [Numeric] the middle one, or the mean of the two in the middle: of few values either alone would lean to its side
  def self.median(values)
    sorted = values.sort
    (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2.0
  end

  # @param percent [Numeric] 0 to 100
  def self.percentile(values, percent)
    sorted = values.sort
    sorted[((sorted.size - 1) * percent / 100.0).round]
  end

  # @return [Float] three digits of the number
  def self.rounded(number) = number.to_f.zero? ? 0.0 : number.to_f.round(3 - Math.log10(number.abs).ceil)

  private

  def median(values) = self.class.median(values)

  def rounded(number) = self.class.rounded(number)

  def versions
    { tasker_core: TaskerCore::VERSION, jruby: JRUBY_VERSION, java: ENV_JAVA["java.runtime.version"], cores: cores }
  end

  def cores = java.lang.Runtime.runtime.available_processors
end
