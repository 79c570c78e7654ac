# frozen_string_literal: true

module Fulfillment
  module Demo
    # Draws the steps of a task and what they wait for, from left to right:
    #
    #   validate_order ─┬─ reserve_inventory ─┬─ process_payment ─┬─ ship_order
    #                   └─────────────────────┘                   └─ notify_customer
    #
    # A step stands in the column after its last parent's. A line to a column further on passes through those between in a lane
    # of its own. Each gap between two columns has upright tracks: one for all steps that lead to the same ones.
    class DagDrawing
      LEFT = 1
      RIGHT = 2
      UP = 4
      DOWN = 8

      # By the directions in which a cell's lines leave it.
      LINES = {
        LEFT | RIGHT => "─", UP | DOWN => "│", RIGHT | DOWN => "┌", LEFT | DOWN => "┐", RIGHT | UP => "└", LEFT | UP => "┘",
        LEFT | RIGHT | DOWN => "┬", LEFT | RIGHT | UP => "┴", UP | DOWN | RIGHT => "├", UP | DOWN | LEFT => "┤",
        LEFT | RIGHT | UP | DOWN => "┼"
      }.freeze

      # What has a place in the drawing: a step, or a lane by which a line passes a column.
      Node = Struct.new(:name, :column, :lane)

      # @param steps [Array<Hash>] +name+ and +depends_on+ of each, parents first, as in a task context
      def initialize(steps)
        @links = Hash.new { |links, node| links[node] = [] } # to the next column
        @nodes = {}
        steps.each { |step| add(step["name"], step["depends_on"]) }
        @rows = pack_all(@nodes.values.select { |node| node.column.zero? })
        @tracks = tracks
        measure
      end

      # @yieldparam name [String] of a step
      # @yieldreturn [String] the same, painted
      # @return [Array<String>]
      def lines(&paint)
        drawn = draw
        lines = drawn.map { |row| row.map { |cell| LINES.fetch(cell, " ") }.join }
        # From the right, as paint takes room that nobody sees.
        steps_from_the_right.each do |node|
          lines[@rows[node]][@left[node.column], node.name.size] = paint ? paint.call(node.name) : node.name
        end
        lines.map(&:rstrip)
      end

      private

      def add(name, parents)
        parents = parents.map { |parent| @nodes.fetch(parent) }
        node = @nodes[name] = Node.new(name, parents.map { |parent| parent.column + 1 }.max || 0, false)
        parents.each { |parent| connect(parent, node) }
      end

      def connect(parent, child)
        last = (parent.column + 1...child.column).inject(parent) do |from, column|
          Node.new(parent.name, column, true).tap { |lane| link(from, lane) }
        end
        link(last, child)
      end

      def link(from, to)
        @links[from] |= [to]
      end

      def parents(node) = @links.keys.select { |parent| @links[parent].include?(node) }

      # Each node hangs on one of its parents, on a step rather than on a lane.
      def hanging_on(node)
        @links[node].select { |child| parents(child).min_by { |parent| parent.lane ? 1 : 0 } == node }
      end

      # The rows of some nodes and of all that hangs on them, as close together as each column allows.
      def pack_all(nodes)
        nodes.each_with_object({}) do |node, rows|
          subtree = pack(node)
          shift = subtree.map { |member, row| first_free(rows, member.column) - row }.max
          subtree.each { |member, row| rows[member] = row + [shift, 0].max }
        end
      end

      def pack(node) = { node => 0 }.merge(pack_all(hanging_on(node)))

      def first_free(rows, column) = (rows.filter_map { |node, row| row + 1 if node.column == column }.max || 0)

      # By column: the sets of targets, each of which has a track in the gap after it.
      def tracks = @links.keys.group_by(&:column).transform_values { |nodes| nodes.map { |node| @links[node] }.reject(&:empty?).uniq }

      def measure
        @left = []
        @width = []
        x = 0
        (0..@rows.keys.map(&:column).max).each do |column|
          @left << x
          @width << @rows.keys.select { |node| node.column == column && !node.lane }.map { |node| node.name.size }.max
          x += @width.last + 4 + @tracks.fetch(column, []).size
        end
      end

      def draw
        @cells = Array.new(@rows.values.max + 1) { Array.new(@left.last + @width.last, 0) }
        @links.each { |node, targets| draw_links(node, targets) unless targets.empty? }
        @rows.each_key { |node| across(@rows[node], @left[node.column] - 1, right_of(node)) if node.lane }
        @cells
      end

      def draw_links(node, targets)
        track = right_edge(node.column) + 2 + @tracks[node.column].index(targets)
        across(@rows[node], right_of(node), track - 1)
        @cells[@rows[node]][track] |= LEFT
        targets.each do |target|
          @cells[@rows[target]][track] |= RIGHT
          across(@rows[target], track + 1, @left[target.column] - 2)
          upright(track, *[@rows[node], @rows[target]].sort)
        end
      end

      def across(row, from, to) = (from..to).each { |x| @cells[row][x] |= LEFT | RIGHT }

      def upright(track, top, bottom)
        (top...bottom).each do |row|
          @cells[row][track] |= DOWN
          @cells[row + 1][track] |= UP
        end
      end

      # Where the line begins: behind the name, or where the lane does.
      def right_of(node) = node.lane ? right_edge(node.column) : @left[node.column] + node.name.size + 1

      def right_edge(column) = @left[column] + @width[column]

      def steps_from_the_right = @nodes.values.sort_by { |node| -node.column }
    end
  end
end
