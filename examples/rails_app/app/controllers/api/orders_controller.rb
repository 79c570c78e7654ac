# frozen_string_literal: true

class Api::OrdersController < ActionController::API
  rescue_from(Order::Refused) { |refused| render json: { error: refused.message }, status: :unprocessable_entity }

  def index
    render json: Order.latest.map(&:details)
  end

  def show
    id = Integer(params[:id], exception: false)
    order = id && Order.find(id)
    order ? render(json: order.details) : head(:not_found)
  end

  def create
    order = Order.place(customer: params.require(:customer), item: params.require(:item), quantity: quantity)
    render json: order.summary, status: :created
  end

  private

  def quantity = Integer(params.fetch(:quantity, 1), exception: false) || raise(Order::Refused, "quantity: must be a whole number")
end
