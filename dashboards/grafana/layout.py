"""What the dashboard of a site shows, as data: rows by kind, panels by points. Names are those of the kind files, checked when built."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trend:
    """Measured values over time, a line for each equipment and point. width: of 24 columns."""

    zh: str
    en: str
    points: tuple[str, ...]
    width: int = 12


@dataclass(frozen=True, slots=True)
class States:
    """Codes and contacts over time, a bar for each equipment and point. alarm: 1 is bad and red; else it only says that something is on."""

    zh: str
    en: str
    points: tuple[str, ...]
    alarm: bool = False
    width: int = 12


Panel = Trend | States

ROWS: dict[str, tuple[Panel, ...]] = {
    "generator": (
        States("机组与控制方式", "Engine state and control mode", ("engine_state", "control_mode", "mains_ok", "gen_breaker_closed")),
        States("报警", "Alarms", ("common_alarm", "common_shutdown", "crank_failure", "emergency_stop", "fuel_leak"), alarm=True),
        Trend("转速", "Speed", ("engine_speed",), 8),
        Trend("机油压力", "Oil pressure", ("oil_pressure",), 8),
        Trend("冷却液与机油温度", "Coolant and oil temperature", ("coolant_temp", "oil_temp"), 8),
        Trend("发电与市电电压", "Generator and mains voltage", ("gen_voltage_l1l2", "mains_voltage_l1l2"), 8),
        Trend("负载", "Load", ("gen_load_percent",), 8),
        Trend("油位与启动电池", "Fuel and starting battery", ("fuel_level", "battery_voltage"), 8),
    ),
    "ats": (
        States("双电源", "Transfer switch", ("control_mode", "normal_ok", "emergency_ok", "normal_breaker_closed")),
        Trend("常用与备用电压", "Normal and emergency voltage", ("normal_voltage_l1n", "emergency_voltage_l1n")),
    ),
    "fire_pump": (
        States("运行与控制方式", "Running and control mode", ("control_mode", "pump_running", "pump_demand", "power_available")),
        States("故障信号", "Fault signals", ("system_fault", "phase_loss", "phase_reversal", "jockey_fault", "fail_to_start"), alarm=True),
        States("阀门", "Valves", ("valve_suction_open", "valve_discharge_open"), width=8),
        Trend("系统与吸入压力", "System and suction pressure", ("system_pressure", "suction_pressure"), 8),
        Trend("电机电流", "Motor current", ("current_l1", "current_l2", "current_l3"), 8),
        Trend("水池液位与油位", "Tank and fuel level", ("tank_level", "fuel_level"), 12),
        Trend("温度", "Temperatures", ("motor_temp", "room_temp", "coolant_temp"), 12),
    ),
    "elevator": (
        States("运行方式", "Car mode", ("car_mode",)),
        States("门与层位", "Door and floor", ("car_door_status_1", "car_position")),
        States("困人与故障", "Entrapment and faults", ("passenger_alarm", "common_fault"), alarm=True),
        States("检修与锁梯", "Inspection and lock", ("inspection_switch", "lock_switch", "fire_switch")),
        Trend("电机电流", "Motor current", ("motor_current",), 8),
        Trend("轿厢速度", "Car speed", ("car_speed",), 8),
        Trend("电机与变频器温度", "Motor and drive temperature", ("motor_temp", "inverter_temp"), 8),
    ),
    "ahu": (
        States("机组状态", "Unit mode and fans", ("unit_mode", "fan_status", "return_fan_status", "occupied")),
        States("报警", "Alarms", ("freeze_stat", "smoke_alarm", "filter_alarm_supply", "supply_fan_alarm"), alarm=True),
        Trend("送风温度与设定", "Supply temperature and set point", ("supply_temp", "supply_temp_sp"), 8),
        Trend("室外与回风温度", "Outdoor and return temperature", ("outdoor_temp", "return_temp"), 8),
        Trend("过滤器压差", "Filter pressure drop", ("filter_dp_supply", "filter_dp_extract"), 8),
        Trend("风机与阀门指令", "Fan and valve commands", ("fan_cmd", "heat_valve_cmd"), 12),
        Trend("CO₂", "CO₂", ("co2",), 12),
    ),
}

TITLES = {
    "dashboard": {"zh": "楼宇设备总览", "en": "Building plant overview"},
    "faults": {"zh": "故障", "en": "Faults"},
    "over_time": {"zh": "故障时间线", "en": "Faults over time"},
    "list": {"zh": "本时段的故障", "en": "Faults in this range"},
    "quality": {"zh": "数据质量变化", "en": "Changes of data quality"},
    "store": {"zh": "数据源", "en": "Data source"},
    "site": {"zh": "站点", "en": "Site"},
    "open": {"zh": "未恢复", "en": "open"},
    "ended": {"zh": "已恢复", "en": "ended"},
    "on": {"zh": "是", "en": "on"},
    "off": {"zh": "否", "en": "off"},
    "alarm": {"zh": "报警", "en": "alarm"},
    "quiet": {"zh": "正常", "en": "quiet"},
}
