# frozen_string_literal: true

# For a load balancer.
class Api::HealthController < ActionController::API
  def show
    health = TaskerCore.health
    render json: health.to_h, status: health["status"] == "down" ? :service_unavailable : :ok
  rescue TaskerCore::Error => e # before there is a coordinator, which would tell
    render json: { status: "down", reasons: [e.message] }, status: :service_unavailable
  end
end
