# frozen_string_literal: true

# What crosses the boundary in the benchmarks: a request as applications make them, a task's context as the core gives it.
module Documents
  # About 860 bytes of JSON, 20 keys, four levels.
  REQUEST = {
    "namespace" => "fulfillment", "task_name" => "process_order", "priority" => 10,
    "idempotency_key" => "checkout-2026-01-31-000184467", "tags" => %w[web priority eu-west first-order],
    "reason" => "customer placed an order through the web shop",
    "payload" => {
      "order_id" => 184_467_440_737, "total" => 1289.95, "gift" => false, "coupon" => nil,
      "placed_at" => "2026-01-31T12:34:56.789+01:00",
      "customer" => { "name" => "Zoë Müller-Lüdenscheidt", "email" => "zoe.mueller-luedenscheidt@mail.example.com" },
      "items" => [["KB-0042-DE", "Mechanical keyboard, German layout, brown switches", 1, 189.9],
                  ["MN-3840-27", "27\" monitor, 3840 x 2160, height adjustable", 2, 549.5],
                  ["CB-0001-2M", "Cable, 2 m, black", 3, 0.35]],
      "delivery" => { "address" => "Straße des 17. Juni 135, 10623 Berlin, Deutschland", "express" => true },
      "note" => "Please ring twice.\nThe bell is on the left; if nobody answers, leave it with the neighbours on the second floor."
    }
  }.freeze

  STEPS = %w[validate_order reserve_inventory charge_payment pack_parcel print_label hand_to_carrier send_receipt close_order].freeze

  # About 10 KB: eight steps done, with their results, and the log of what happened.
  CONTEXT = {
    "task_id" => 7_340_033, "namespace" => "fulfillment", "name" => "process_order", "version" => "1.4.0", "status" => "complete",
    "priority" => 10, "tags" => %w[web priority eu-west], "correlation_id" => "019c13a4-7c1e-7f3a-9d55-0a4be61c7b12",
    "idempotency_key" => "order-2026-000184467", "initiator" => "checkout", "reason" => "customer placed an order",
    "created_at" => "2026-01-31T11:34:57.012Z", "completed_at" => "2026-01-31T11:35:02.431Z",
    "execution_status" => "all_complete", "recommended_action" => "none", "payload" => REQUEST["payload"],
    "total_steps" => 8, "pending_steps" => 0, "completed_steps" => 8, "failed_steps" => 0, "completion_percentage" => 100.0,
    "steps" => STEPS.each_with_index.map do |name, i|
      { "step_id" => 481_036_402_688 + i, "name" => name, "handler" => "Fulfillment::#{name.split('_').map(&:capitalize).join}",
        "state" => "complete", "attempts" => 1, "max_attempts" => 3, "depends_on" => i.zero? ? [] : [STEPS[i - 1]],
        "result" => { "reference" => "RSV-2026-00#{7001 + i}", "amount" => 1289.95 + i, "checked" => true, "warnings" => [],
                      "message" => "Checked against the ledger of 2026-01-31, nothing outstanding; released by rule #{40 + i}",
                      "url" => "https://ledger.example.com/entries/2026/01/31/#{7001 + i}?view=full&currency=EUR",
                      "carrier" => { "name" => "Müller Spedition", "service" => "express, before noon", "parcels" => i,
                                     "tracking" => "00340434161094#{15_021 + i}" } },
        "error" => nil, "next_run_at" => nil, "started_at" => "2026-01-31T11:34:57.1#{i}2Z",
        "completed_at" => "2026-01-31T11:34:57.1#{i}9Z", "duration_ms" => 7.125 + i }
    end,
    "transitions" => STEPS.each_with_index.flat_map do |name, i|
      [%w[enqueued in_progress], %w[in_progress complete]].map do |from, to|
        { "step_id" => 481_036_402_688 + i, "step_name" => name, "from_state" => from, "to_state" => to, "attempt" => 1,
          "at" => "2026-01-31T11:34:57.1#{i}3Z", "reason" => to == "complete" ? nil : "claimed by worker 3 of process 17" }
      end
    end
  }.freeze
end
