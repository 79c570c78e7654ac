# frozen_string_literal: true

# beside.rb FOLDER DESCRIPTION: compares what a benchmark told in this checkout with what it told in the one that is described. The
# folder has the lines of each turn, in here.1, there.1, here.2, there.2 and so on. Prints one JSON line for each metric.

require_relative "report"

folder, described = ARGV

# @return [Array<Hash{String=>Hash}>] for each turn, its lines by metric
lines_of = lambda do |side|
  files = Dir[File.join(folder, "#{side}.*")].sort_by { |file| File.extname(file).delete_prefix(".").to_i }
  files.map { |file| File.foreach(file).map { |line| JSON.parse(line) }.to_h { |line| [line["metric"], line] } }
end

median = ->(values) { Report.rounded(Report.median(values)) }
# There is no ratio to 0.
ratio = ->(value, reference) { Report.rounded(value / reference.to_f) unless reference.zero? }

turns = lines_of.call("here").zip(lines_of.call("there"))
turns.flatten.flat_map(&:keys).uniq.each do |metric|
  pairs = turns.map { |here, there| [here[metric], there[metric]] }
  lacking = pairs.transpose.zip(["this checkout", described]).filter_map { |lines, checkout| checkout if lines.include?(nil) }
  units = pairs.flatten.compact.map { |line| line["unit"] }.uniq
  next warn("#{metric}: not told by #{lacking.join(' and ')}, so not compared") if lacking.any?
  next warn("#{metric}: not compared, for its units differ: #{units.join(' and ')}") if units.size > 1

  values, references = pairs.map { |pair| pair.map { |line| line["value"] } }.transpose
  ratios = values.zip(references).map { |pair| ratio.call(*pair) }
  puts JSON.generate(
    bench: pairs.dig(0, 0, "bench"), metric: metric, value: median.call(values), reference: median.call(references),
    ratio: ratios.include?(nil) ? nil : median.call(ratios), unit: units.first, beside: described,
    turns: values.zip(references, ratios).map { |value, reference, of| { value: value, reference: reference, ratio: of } }
  )
end
